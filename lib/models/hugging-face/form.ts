import { z } from 'zod';
import type { ModelConfig } from '../../../config/sections/models.js';
import type { Positions, PositionSpelling } from './positions.js';

const size = z.number().int().min(1);

/** Of `config.json`, whatever the model. */
export const commonFields = {
  vocab_size: size,
  hidden_size: size,
  intermediate_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  max_position_embeddings: size,
  initializer_range: z.number().positive().default(0.02),
};
const commonFile = z.looseObject(commonFields);
export type CommonFile = z.infer<typeof commonFile>;

/** What was read of `config.json` before its family is asked. */
export interface ReadBefore {
  readonly positions: Positions;
  readonly sizes: Pick<ModelConfig, 'layers' | 'width' | 'heads' | 'initStandardDeviation'>;
  /** @throws BlissError ConfigInvalid unless it holds: only `only` is computed here */
  readonly need: (holds: boolean, field: string, found: unknown, only: string) => void;
}

interface Facts<Config extends ModelConfig> {
  /** as people write it */
  readonly name: string;
  /** `model_type` */
  readonly modelType: string;
  /** of `architectures`: the class of transformers */
  readonly className: string;
  readonly positions: PositionSpelling;
  /** names of constants that older versions of transformers saved beside the weights: causal masks and rotary frequencies */
  readonly constants: RegExp;
  /** names of the embedding and of the output projection that it is too; none where they are not tied */
  tied(config: Config): { readonly embedding: string; readonly output: string } | undefined;
  /** the fields of `config.json` that are not common to all */
  write(config: Config): Readonly<Record<string, unknown>>;
}

/** How transformers saves models of an architecture. */
export interface HuggingFaceForm<Config extends ModelConfig> extends Facts<Config> {
  /** `config.json` by its schema, or what is wrong with it */
  parse(json: unknown): { readonly file: CommonFile; model(before: ReadBefore): Config } | { readonly problem: string };
}

interface FormParts<File extends CommonFile, Config extends ModelConfig> extends Facts<Config> {
  /** of `config.json`, with `commonFields` */
  readonly file: z.ZodType<File>;
  /** the model it says, refusing what is not computed here */
  read(given: ReadBefore & { readonly file: File }): Config;
}

export function huggingFaceForm<File extends CommonFile, Config extends ModelConfig>({ file: schema, read, ...facts }: FormParts<File, Config>): HuggingFaceForm<Config> {
  return {
    ...facts,
    parse: (json) => {
      const parsed = schema.safeParse(json);
      if (!parsed.success) return { problem: z.prettifyError(parsed.error) };
      return { file: parsed.data, model: (before) => read({ ...before, file: parsed.data }) };
    },
  };
}

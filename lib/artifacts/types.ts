/** A reference that may travel through Temporal: where, and the proof that it is the same. */
export interface Ref {
  /** `store:artifacts/<id>/manifest.json`: a key of the store's Blobs, so that a home may move */
  readonly uri: string;
  /** sha256 of the manifest's bytes, hex */
  readonly sha256: string;
  /** bytes of all files of the artifact */
  readonly size: number;
  /** sha256 of the canonical content, hex: equal for equal results, whatever the file format's bytes say */
  readonly digest: string;
}

/** Object storage in five verbs. Keys are `/`-separated, without a leading slash. Backends run `blobsConformance`. */
export interface Blobs {
  /** @returns false where the key exists already; the content there is left alone. Atomic: a reader sees all or nothing. */
  putIfAbsent(key: string, content: BlobContent): Promise<boolean>;
  /** @throws BlissError ArtifactMissing */
  getRange(key: string, start: number, end: number): Promise<Uint8Array>;
  /** keys with sizes under a prefix, sorted */
  list(prefix: string): Promise<readonly BlobInfo[]>;
  /** removes one key; absent is fine */
  delete(key: string): Promise<void>;
  /** a local file with the blob's content (the blob itself for `file:`, a verified cached copy elsewhere) */
  localFile(key: string): Promise<string>;
  /** where the blobs lie as files, so that another thread may open them by `fileBlobs`; absent elsewhere */
  readonly folder?: string;
}
export type BlobContent = Uint8Array | BlobFile;
export interface BlobFile {
  readonly file: string;
  /** nobody writes to the file any more: it may become the blob itself instead of being copied. @default false */
  readonly given?: boolean;
}
export interface BlobInfo {
  readonly key: string;
  readonly size: number;
}

export interface ManifestFile {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}

/** Immutable description of an artifact; contains nothing of the clock. */
export interface Manifest {
  readonly schemaVersion: 1;
  /** 'corpus' | 'state' | 'scorer' | 'scores' | 'selection' | 'evaluation' | 'checkpoint' | … */
  readonly kind: string;
  readonly files: readonly ManifestFile[];
  readonly digest: string;
  readonly lineage: Lineage;
  /** small facts for people and reports */
  readonly summary: Readonly<Record<string, unknown>>;
}

export interface Lineage {
  readonly stage: string;
  readonly stageVersion: number;
  readonly codeVersion: string;
  /** of the stage, which its note is found under; absent where no note names it, and in what earlier versions made */
  readonly key?: string;
  /** input name → digest and sha256 of its manifest */
  readonly inputs: Readonly<Record<string, { readonly sha256: string; readonly digest: string }>>;
}

export interface Artifact {
  readonly ref: Ref;
  readonly manifest: Manifest;
  /** local path of one file, checked by size and sha256 once a process. @throws BlissError DataCorrupt */
  file(name: string): Promise<string>;
  /** where one file lies, whatever it holds: for another thread, which checks what it reads. @throws BlissError DataCorrupt where it is gone or of another size */
  local(name: string): Promise<LocalFile>;
}

export interface LocalFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  /** its sha256 is known to be right */
  readonly isChecked: boolean;
  /** another thread has checked it: nobody of this process does again */
  checked(): void;
}

/** Orders attempts at one stage: epoch is claimed in the store, attempt is Temporal's. Higher wins. */
export interface FencingToken {
  readonly epoch: number;
  readonly attempt: number;
}

export interface CheckpointRef {
  readonly ref: Ref;
  readonly step: number;
  readonly fencingToken: FencingToken;
}

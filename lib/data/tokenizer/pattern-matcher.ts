import type { CharacterSet } from './character-set.js';
import { programOf, type Program } from './pattern-program.js';

/** What is tried when all after it has failed: go on there; or at one character less or more of a loop; or a slot as it was. */
type Way =
  | { readonly kind: 'go'; readonly pc: number; readonly at: number }
  | { readonly kind: 'less' | 'more'; readonly pc: number; at: number; readonly bound: number; readonly set: CharacterSet }
  | { readonly kind: 'slot'; readonly slot: number; readonly value: number };

/** Groups that are repeated keep a way for each turn: beyond so many the pattern is given up. */
const MOST_WAYS = 5_000_000;

/**
 * Finds what a pattern of a tokenizer matches, as JavaScript's flag u does. A run of one class is a single way to go back, however long: V8 keeps
 * one for each character, and its stack ends after some millions.
 */
export class PatternMatcher {
  readonly #program: Program;
  readonly #slots: number[];

  /** @throws NoProgram */
  constructor(pattern: string) {
    const { program, slots } = programOf(pattern);
    this.#program = program;
    this.#slots = new Array<number>(slots).fill(-1);
  }

  /** The first match from a place on. @throws RangeError where a repeated group has too many turns */
  exec(text: string, from: number): { readonly index: number; readonly end: number } | undefined {
    for (let index = from; index <= text.length; index += index < text.length ? width(text, index) : 1) {
      const end = this.#run(this.#program, text, index);
      if (end >= 0) return { index, end };
    }
    return undefined;
  }

  /** @returns where the match ends; −1: there is none */
  #run(program: Program, text: string, start: number): number {
    const ways: Way[] = [];
    const slots = this.#slots;
    let pc = 0;
    let at = start;
    for (;;) {
      const step = program[pc++];
      let failed = false;
      switch (step.op) {
        case 'match':
          return at;
        case 'set':
          if (at < text.length && step.set.has(text.codePointAt(at) ?? 0)) at += width(text, at);
          else failed = true;
          break;
        case 'loop': {
          const { set, least, most, lazy } = step;
          const wanted = lazy ? least : most;
          let bound = least === 0 ? at : -1;
          for (let count = 0; count < wanted && at < text.length && set.has(text.codePointAt(at) ?? 0); ) {
            at += width(text, at);
            if (++count === least) bound = at;
          }
          if (bound < 0) failed = true;
          else if (lazy) ways.push({ kind: 'more', pc, at, bound: most - least, set });
          else if (at > bound) ways.push({ kind: 'less', pc, at, bound, set });
          break;
        }
        case 'split':
          if (ways.length > MOST_WAYS) throw new RangeError('a group of the pattern is repeated millions of times');
          ways.push({ kind: 'go', pc: step.second, at });
          pc = step.first;
          break;
        case 'jump':
          pc = step.to;
          break;
        case 'save':
          ways.push({ kind: 'slot', slot: step.slot, value: slots[step.slot] });
          slots[step.slot] = at;
          break;
        case 'moved':
          failed = slots[step.slot] === at;
          break;
        case 'look':
          failed = this.#run(step.body, text, at) >= 0 === step.negated;
          break;
        case 'behind':
          failed = (at > 0 && step.set.has(text.codePointAt(at - widthBefore(text, at)) ?? 0)) === step.negated;
          break;
        case 'again': {
          const piece = text.slice(slots[step.from], slots[step.to]);
          if (text.startsWith(piece, at)) at += piece.length;
          else failed = true;
        }
      }
      if (!failed) continue;
      for (;;) {
        const way = ways.pop();
        if (way === undefined) return -1;
        if (way.kind === 'slot') {
          slots[way.slot] = way.value;
          continue;
        }
        pc = way.pc;
        at = way.at;
        if (way.kind === 'go') break;
        if (way.kind === 'less') {
          at -= widthBefore(text, at);
          if (at > way.bound) ways.push({ ...way, at });
          break;
        }
        if (way.bound <= 0 || at >= text.length || !way.set.has(text.codePointAt(at) ?? 0)) continue;
        at += width(text, at);
        ways.push({ ...way, at, bound: way.bound - 1 });
        break;
      }
    }
  }
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;

/** Code units of the character at a place. */
const width = (text: string, at: number): number => (isHigh(text.charCodeAt(at)) && isLow(text.charCodeAt(at + 1)) ? 2 : 1);
const widthBefore = (text: string, at: number): number => (at > 1 && isLow(text.charCodeAt(at - 1)) && isHigh(text.charCodeAt(at - 2)) ? 2 : 1);

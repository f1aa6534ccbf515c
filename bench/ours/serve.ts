import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { numericsFingerprint } from '../../lib/tensor/index.js';
import type { Answers, Request } from '../protocol.js';
import type { StepNumbers, Subject } from './subject.js';
import { openSubject } from './subjects.js';

/**
 * Our side of a pair: a process with a trainer's environment that computes steps when told to, one JSON request a line on standard
 * input, one answer a line on descriptor 3.  @see bench/pytorch/serve.py, the other side
 */
const answers = createWriteStream('', { fd: 3 });
let subject: Subject | undefined;

function opened(): Subject {
  if (subject === undefined) throw new Error('nothing is prepared yet');
  return subject;
}

async function answerTo(request: Request): Promise<Answers[Request['ask']]> {
  switch (request.ask) {
    case 'prepare': {
      const started = performance.now();
      const made = await openSubject(request);
      subject = made;
      const steps: StepNumbers[] = [];
      for (let i = 0; i < request.checked; i++) steps.push(await made.step());
      return { steps, seconds: (performance.now() - started) / 1000, version: numericsFingerprint({ programDigest: '' }).parts.tensorflow };
    }
    case 'step':
      return { numbers: await opened().step() };
    case 'repeat': {
      const { step } = opened();
      for (let i = 0; i < request.untimed; i++) await step();
      const started = performance.now();
      for (let i = 0; i < request.steps; i++) await step();
      return { milliseconds: (performance.now() - started) / request.steps };
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await answerTo(JSON.parse(line) as Request); // the driver's own words
  answers.write(`${JSON.stringify(answer)}\n`);
}

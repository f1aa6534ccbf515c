import { makeQuestions, type Question } from './questions.js';

let made: Promise<readonly Question[]> | undefined;

/** The questions of the task `wordnet`, made once a process. @throws BlissError NotSetUp */
export function wordnetQuestions(): Promise<readonly Question[]> {
  made ??= makeQuestions();
  made.catch(() => (made = undefined));
  return made;
}

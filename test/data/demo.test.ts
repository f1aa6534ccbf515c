import { describe, expect, test } from 'vitest';
import { brownText } from '../../lib/data/demo/brown.js';
import { emailText } from '../../lib/data/demo/email.js';
import { DEMO_SOURCES, demoHeldOut, demoSources } from '../../lib/data/demo/index.js';
import { collect } from './temporary.js';

test('Brown text loses its tags and gets its spacing', () => {
  const tagged = "\n\n\tThe/at jury/nn said/vbd ,/, ``/`` No/at evidence/nn ''/'' (/( of/in 1/2/cd )/) ;/. ;/.\nMr./np Ivan/np Jr./np ./.\n\n\n\tA/at second/od ?/. ?/.\n";
  expect(brownText(tagged)).toBe('The jury said, "No evidence" (of 1/2); Mr. Ivan Jr.\nA second?');
});

describe('e-mail', () => {
  const mail = (headers: string, body: string): string => emailText(`From x@y Thu Aug 22\nReceived: from a\n\tby b\nSubject: A subject\n${headers}\n\n${body}`);

  test('keeps subject and text', () => {
    expect(mail('X-Other: 1', 'Hello,\n\n\n\nworld  \n> quoted\n')).toBe('A subject\n\nHello,\n\nworld\n> quoted');
  });

  test('decodes quoted-printable and base64', () => {
    expect(mail('Content-Transfer-Encoding: quoted-printable', 'caf=E9 a=\nb =3D')).toBe('A subject\n\ncafé ab =');
    expect(mail('Content-Transfer-Encoding: base64', Buffer.from('plain words').toString('base64'))).toBe('A subject\n\nplain words');
  });

  test('takes the text out of HTML', () => {
    expect(mail('Content-Type: text/html', '<html><head><title>t</title></head><body><style>p{}</style><p>One &amp; two<br>three&nbsp;<!-- no --></p></body></html>')).toBe('A subject\n\nOne & two\nthree');
  });

  test('takes the plain alternative and no attachment', () => {
    const body = '--xx\nContent-Type: text/plain\n\nplain part\n--xx\nContent-Type: text/html\n\n<b>html part</b>\n--xx\nContent-Type: image/gif\nContent-Transfer-Encoding: base64\n\nR0lGODlh\n--xx--\n';
    expect(mail('Content-Type: multipart/mixed;\n boundary="xx"', body)).toBe('A subject\n\nplain part');
    expect(mail('Content-Type: multipart/alternative; boundary=xx', body)).toBe('A subject\n\nplain part');
  });

  test('drops lines of encoded data', () => {
    expect(mail('X: 1', `before\n${'QUJD'.repeat(18)}\nafter`)).toBe('A subject\n\nbefore\nafter');
  });
});

describe('sources', () => {
  const mixture = { books: 1, speeches: 1, email: 1, spam: 1, shuffled: 2, boilerplate: 0 };

  test('have their shares; a share of 0 leaves one out', () => {
    expect(demoSources({ mixture, seed: '0' }).map(({ name, share }) => [name, share])).toEqual([['books', 1 / 6], ['speeches', 1 / 6], ['email', 1 / 6], ['spam', 1 / 6], ['shuffled', 1 / 3]]);
    expect(DEMO_SOURCES).toHaveLength(6);
  });

  test('books, shuffled words and held-out texts are made of different documents', async () => {
    const [books, , , , shuffled] = demoSources({ mixture, seed: '0' });
    const ids = async (documents: AsyncIterable<{ id: string }>) => (await collect(documents)).map(({ id }) => id);
    const all = [...(await ids(books.documents())), ...(await ids(shuffled.documents())), ...(await ids(demoHeldOut().documents()))];
    expect(new Set(all).size).toBe(all.length);
    expect(all.length).toBe(635); // 500 of Brown, 135 chapters
  });

  test('shuffled words are the words of a document in another order', async () => {
    const { id, text } = (await collect(demoSources({ mixture, seed: '0' })[4].documents()))[0];
    expect(id).toMatch(/^(brown|moby-dick)\//);
    const again = (await collect(demoSources({ mixture, seed: '1' })[4].documents())).find((document) => document.id === id);
    expect(again?.text).toBe(text);
    expect(text.split(' ').length).toBeGreaterThan(500);
  });

  test('the seed decides which documents come first', async () => {
    const first = async (seed: string) => (await collect(demoSources({ mixture, seed })[1].documents())).map(({ id }) => id);
    expect(await first('0')).toEqual(await first('0'));
    expect(await first('1')).not.toEqual(await first('0'));
    expect((await first('1')).sort()).toEqual((await first('0')).sort());
  });
});

/**
 * What a reader sees of an e-mail: subject and text, without headers, attachments and markup. The rest stays as noisy as
 * mail is: quotes, signatures, footers of lists.
 */
export function emailText(raw: string): string {
  const message = parse(raw);
  const body = text(message)
    .replace(/\r\n?/g, '\n')
    .split('\n')
    .filter((line) => !isEncoded(line))
    .map((line) => line.trimEnd())
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
  const subject = message.headers.get('subject');
  return subject === undefined || subject === '' ? body : `${subject}\n\n${body}`.trim();
}

interface Part {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

function parse(raw: string): Part {
  const end = /\r?\n\r?\n/.exec(raw);
  const head = end === null ? raw : raw.slice(0, end.index);
  const headers = new Map<string, string>();
  for (const line of head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (colon > 0 && !headers.has(name)) headers.set(name, line.slice(colon + 1).trim());
  }
  return { headers, body: end === null ? '' : raw.slice(end.index + end[0].length) };
}

/** Text of a part: the first readable alternative of a multipart, else the decoded body; nothing of an attachment. */
function text({ headers, body }: Part): string {
  const type = headers.get('content-type') ?? 'text/plain';
  const boundary = /^multipart\//i.test(type) ? /boundary="?([^";]+)"?/i.exec(type)?.[1] : undefined;
  if (boundary !== undefined) {
    const parts = body.split(`--${boundary}`).slice(1).map((part) => parse(part.replace(/^[^\n]*\n/, '')));
    const plain = parts.filter((part) => !/^(?:text\/html|image|application|audio|video)/i.test(part.headers.get('content-type') ?? ''));
    const texts = (plain.length > 0 ? plain : parts).map(text).filter((found) => found.trim() !== '');
    return /^multipart\/alternative/i.test(type) ? (texts[0] ?? '') : texts.join('\n\n');
  }
  if (!/^(?:text\b|message\/)/i.test(type)) return '';
  const decoded = decode(body, headers.get('content-transfer-encoding') ?? '');
  return /html/i.test(type) || /^\s*<(?:!doctype|html|body|table|font)/i.test(decoded) ? withoutMarkup(decoded) : decoded;
}

function decode(body: string, encoding: string): string {
  if (/quoted-printable/i.test(encoding)) {
    return body.replace(/=\r?\n/g, '').replace(/(?:=[0-9A-F]{2})+/gi, (run) => Buffer.from(run.replaceAll('=', ''), 'hex').toString('latin1'));
  }
  return /base64/i.test(encoding) ? Buffer.from(body, 'base64').toString('latin1') : body;
}

const ENTITIES: Readonly<Record<string, string>> = { nbsp: ' ', lt: '<', gt: '>', quot: '"', amp: '&' };

function withoutMarkup(html: string): string {
  return html
    .replace(/<(style|script|head)\b[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<!--[\s\S]*?-->/g, ' ')
    .replace(/[ \t\r\n]+/g, ' ')
    .replace(/<(?:br|\/?p|\/tr|\/div|\/h\d|li)\b[^>]*>/gi, '\n')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&(nbsp|lt|gt|quot|amp);/gi, (_, name: string) => ENTITIES[name.toLowerCase()])
    .replace(/&#(\d{2,5});/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/ {2,}/g, ' ')
    .replace(/ ?\n ?/g, '\n');
}

/** Lines of base64 or uuencode outside of what the headers say. */
function isEncoded(line: string): boolean {
  return /^[A-Za-z0-9+/=]{60,}$/.test(line) || (line.length === 61 && /^M[!-`]{60}$/.test(line));
}

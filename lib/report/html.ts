/** Markup that is safe to write: made by the `html` tag, which escapes every value that is not Html itself. */
export class Html {
  constructor(readonly text: string) {}
}
export type HtmlValue = string | number | Html | readonly HtmlValue[] | undefined;

export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings.reduce((text, part, i) => text + part + (i < values.length ? render(values[i]) : ''), ''));
}

function render(value: HtmlValue): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(render).join('');
  return escapeText(String(value));
}

/** What XML allows in no form or advises against: control characters; a lone surrogate has no UTF-8. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const UNWRITABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f\ufffe\uffff]|\p{Surrogate}/gu;
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const escapeText = (text: string): string => text.replace(UNWRITABLE, '\ufffd').replace(/[&<>"']/g, (c) => ENTITIES[c]);

/** JSON inside a script element: no `<`, so that no text in it can end the element. */
export const jsonForScript = (value: unknown): Html => new Html(JSON.stringify(value).replace(/</g, '\\u003c').replace(/\u2028/g, '\\u2028').replace(/\u2029/g, '\\u2029'));

export interface Column<Row> {
  readonly name: string;
  /** numbers stand to the right */
  readonly numeric?: boolean;
  readonly cell: (row: Row) => HtmlValue;
}

export function table<Row>({ caption, columns, rows }: { readonly caption: string; readonly columns: readonly Column<Row>[]; readonly rows: readonly Row[] }): Html {
  const kind = ({ numeric }: Column<Row>): Html => (numeric === true ? html` class="number"` : html``);
  return html`<div class="scroll"><table><caption>${caption}</caption>
<thead><tr>${columns.map((column) => html`<th scope="col"${kind(column)}>${column.name}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr>${columns.map((column) => html`<td${kind(column)}>${column.cell(row)}</td>`)}</tr>\n`)}</tbody></table></div>`;
}

/** A table that waits behind its name: the text alternative of a figure. */
export const folded = (summary: string, content: Html, open = false): Html => html`<details${open ? html` open` : ''}><summary>${summary}</summary>${content}</details>`;

/** A figure with what is to be seen in it, and its numbers as a table. */
export const figure = ({ graphic, caption, numbers }: { readonly graphic: HtmlValue; readonly caption: HtmlValue; readonly numbers?: Html }): Html =>
  html`<figure>${graphic}<figcaption>${caption}</figcaption>${numbers}</figure>`;

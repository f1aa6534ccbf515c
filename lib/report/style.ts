/** The page's whole style. No font, picture or sheet is loaded from anywhere. */
export const STYLE = `
:root { color-scheme: light dark; --page: #ffffff; --text: #1c1e21; --soft: #f4f5f7; --line: #d8dbe0; --muted: #6a707a;
  --ink-1: #0072b2; --ink-2: #d55e00; --ink-3: #00805a; --ink-4: #b04f86; --ink-5: #9a6a00; --ink-6: #2b87b8;
  --good: #e3f3ea; --good-line: #00805a; --bad: #fde9e0; --bad-line: #d55e00; --open: #fdf4d9; --open-line: #9a6a00; }
@media (prefers-color-scheme: dark) { :root { --page: #16181c; --text: #e4e6ea; --soft: #20242a; --line: #3a4048; --muted: #9aa1ac;
  --ink-1: #56b4e9; --ink-2: #f0884a; --ink-3: #2fc094; --ink-4: #e39ac0; --ink-5: #e6b030; --ink-6: #8cc8ee;
  --good: #14302a; --bad: #3a2015; --open: #352c10; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.page { display: grid; grid-template-columns: 13.5rem minmax(0, 56rem); gap: 2.5rem; max-width: 76rem; margin: 0 auto; padding: 1.5rem; }
nav { position: sticky; top: 1.5rem; align-self: start; font-size: .875rem; }
nav ol { list-style: none; margin: .5rem 0; padding: 0; border-left: 2px solid var(--line); }
nav a { display: block; padding: .2rem .8rem; color: var(--muted); text-decoration: none; }
nav a:hover, nav a:focus { color: var(--text); text-decoration: underline; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1rem; overflow-wrap: anywhere; } h2 { font-size: 1.3rem; margin: 3rem 0 .5rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.02rem; margin: 1.75rem 0 .25rem; } p { margin: .5rem 0; } a { color: var(--ink-1); }
.verdict { border-left: 6px solid var(--line); background: var(--soft); padding: 1rem 1.25rem; border-radius: 4px; }
.verdict strong { display: block; font-size: 1.2rem; line-height: 1.3; margin-bottom: .25rem; } .verdict p { margin: .25rem 0; }
.verdict.wins { background: var(--good); border-color: var(--good-line); } .verdict.loses { background: var(--bad); border-color: var(--bad-line); }
.verdict.undecided, .verdict.none { background: var(--open); border-color: var(--open-line); }
.notes { margin: 1rem 0; padding: .75rem 1.25rem .75rem 2.25rem; background: var(--open); border-left: 6px solid var(--open-line); border-radius: 4px; }
figure { margin: 1rem 0 1.5rem; } figure svg { display: block; max-width: 100%; height: auto; } figcaption { color: var(--muted); font-size: .9rem; margin-top: .35rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: .5rem 1.25rem; } .pair h4 { font-size: .92rem; margin: .5rem 0 0; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; font-size: .875rem; margin: .5rem 0; padding: 0; list-style: none; }
.legend svg { display: inline-block; vertical-align: middle; margin-right: .4rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .875rem; margin: .5rem 0; min-width: 50%; } caption { text-align: left; color: var(--muted); padding-bottom: .25rem; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; } th { font-weight: 600; vertical-align: bottom; } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } th.number { white-space: normal; }
code, pre { font: .8125rem/1.5 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; } code, pre, .tag { unicode-bidi: isolate; } code.digest { overflow-wrap: anywhere; font-size: .75rem; }
pre { background: var(--soft); padding: .75rem 1rem; border-radius: 4px; white-space: pre-wrap; overflow-wrap: anywhere; margin: .4rem 0; }
details { margin: .4rem 0; } summary { cursor: pointer; color: var(--muted); font-size: .9rem; } summary:hover { color: var(--text); }
.sample { border: 1px solid var(--line); border-radius: 4px; margin: .6rem 0; padding: .5rem .75rem; } .sample pre { max-height: 11rem; overflow: auto; margin-bottom: 0; font-family: inherit; font-size: .9rem; } .sample header { font-size: .85rem; display: flex; flex-wrap: wrap; gap: .2rem 1rem; }
.tag { background: var(--soft); border: 1px solid var(--line); border-radius: 3px; padding: 0 .4rem; font-size: .8rem; } .empty { color: var(--muted); font-style: italic; }
@media (max-width: 56rem) { .page { display: block; padding: 1rem; } nav { position: static; margin-bottom: 1.5rem; } }
@media print { nav { display: none; } .page { display: block; } }
`;

/*
 * The style sheet of the page. Colours are variables with a value for light and one for dark, each pair with the contrast
 * that WCAG 2.2 AA demands; text is as large as the reader has chosen.
 */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --back: #ffffff; --raised: #f5f7fa; --line: #d3d9e2; --control: #6b7688;
  --text: #17202e; --soft: #4d5a6c; --link: #0b54c2; --focus: #0b54c2;
  --good: #116329; --good-back: #e2f5e7; --bad: #a40e26; --bad-back: #fdeaec;
  --open: #0b4fb3; --open-back: #e5effd; --waiting: #7a4a00; --waiting-back: #fdf0d5;
  --bar: #3f7fd8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #10151d; --raised: #19212c; --line: #354152; --control: #8390a3;
    --text: #e6ebf2; --soft: #a9b5c5; --link: #8ab8ff; --focus: #8ab8ff;
    --good: #7ee2a0; --good-back: #12331f; --bad: #ff9aa5; --bad-back: #3d151c;
    --open: #9cc4ff; --open-back: #132c50; --waiting: #ffcf70; --waiting-back: #3b2a08;
    --bar: #5b95e6;
  }
}
* { box-sizing: border-box; }
html { font: 100%/1.5 system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', sans-serif; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--back); color: var(--text); }
a { color: var(--link); text-underline-offset: .15em; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 3px; }
main:focus { outline: none; }
.skip { position: absolute; left: .5rem; top: -4rem; padding: .5rem 1rem; background: var(--back); z-index: 1; }
.skip:focus { top: .5rem; }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; padding: .75rem 1.25rem;
  background: var(--raised); border-bottom: 1px solid var(--line); }
.brand { font-weight: 700; color: var(--text); text-decoration: none; }
header nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
header nav a { padding: .25rem 0; min-height: 1.75rem; }
header nav a[aria-current] { color: var(--text); font-weight: 600; text-decoration-thickness: 2px; }
header form { margin-left: auto; }
.sign-in { display: grid; gap: .6rem; max-width: 28rem; margin: 1rem 0; }
.sign-in button { justify-self: start; }
main { max-width: 84rem; margin: 0 auto; padding: 1rem 1.25rem 3rem; overflow-wrap: anywhere; }
/* Empty as long as there is no script, which is no reason for a gap. */
.live { max-width: 84rem; margin: 0 auto; padding: 0 1.25rem; color: var(--soft); font-size: .875rem; }
.live:not(:empty) { padding-top: .5rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0 1rem; }
h2 { font-size: 1.15rem; margin: 1.75rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
p { margin: .5rem 0; max-width: 75ch; }
small, .hint, .basis, .unknown, .cut { color: var(--soft); font-size: .875rem; }
code { font-family: ui-monospace, 'Liberation Mono', monospace; font-size: .9em; }
.count { font-weight: 400; color: var(--soft); }
.notice { border-left: 4px solid var(--waiting); background: var(--waiting-back); padding: .5rem .75rem; }
.empty { border: 1px solid var(--line); border-radius: 8px; padding: 0 1.25rem .75rem; margin: 1.25rem 0; background: var(--raised); }
.empty h2 { margin-top: 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .925rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--soft); font-weight: 600; font-size: .85rem; white-space: nowrap; }
tbody th { font-weight: 500; }
.cards time, .cards .span { white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.scroll { position: relative; overflow-x: auto; margin: 1rem 0; overflow-wrap: normal; }
.scroll td { min-width: 6rem; max-width: 32rem; }
.badge { display: inline-block; padding: 0 .5rem; border-radius: 1rem; background: var(--raised); border: 1px solid var(--line); }
.badge.good { color: var(--good); background: var(--good-back); border-color: currentColor; }
.badge.bad { color: var(--bad); background: var(--bad-back); border-color: currentColor; }
.badge.open { color: var(--open); background: var(--open-back); border-color: currentColor; }
.badge.waiting { color: var(--waiting); background: var(--waiting-back); border-color: currentColor; }
.clusters, .gaps, .reports, .chips { list-style: none; padding: 0; margin: .75rem 0; }
.clusters li { border-left: 4px solid var(--control); background: var(--raised); padding: .5rem .75rem; margin: .4rem 0; }
.clusters .state-complete { border-color: var(--good); }
.clusters .state-incomplete { border-color: var(--bad); }
.clusters .state-unknown { border-color: var(--waiting); }
.clusters small { display: block; }
.gaps li, .reports li { padding: .4rem 0; border-bottom: 1px solid var(--line); }
.filters { display: grid; grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr)); gap: .6rem 1rem; align-items: end;
  padding: 1rem; background: var(--raised); border: 1px solid var(--line); border-radius: 8px; }
.field { display: grid; gap: .15rem; font-size: .875rem; color: var(--soft); }
.check { display: flex; gap: .5rem; align-items: center; min-height: 2.4rem; }
input:not([type=checkbox]), select { font: inherit; font-size: 1rem; width: 100%; min-height: 2.4rem; padding: .3rem .5rem;
  color: var(--text); background: var(--back); border: 1px solid var(--control); border-radius: 5px; }
input::placeholder { color: var(--soft); opacity: 1; }
input[type=checkbox] { width: 1.15rem; height: 1.15rem; margin: .2rem .5rem .2rem 0; vertical-align: middle; flex: none; }
input[type=radio] { width: 1.5rem; height: 1.5rem; min-height: 0; margin: 0; }
.words summary { cursor: pointer; padding: .5rem; border: 1px solid var(--control); border-radius: 5px; background: var(--back);
  color: var(--text); min-height: 2.4rem; }
.words fieldset { border: 0; padding: .4rem .5rem; margin: 0; }
.words legend { padding: 0; }
.words fieldset label { display: block; padding: .2rem 0; color: var(--text); }
button { font: inherit; min-height: 2.4rem; padding: .3rem 1.25rem; border: 1px solid var(--link); border-radius: 5px;
  color: var(--back); background: var(--link); cursor: pointer; }
.actions { display: flex; gap: 1rem; align-items: center; }
.filters .hint { grid-column: 1 / -1; margin: 0; }
.chips { display: flex; flex-wrap: wrap; gap: .4rem; }
.chips a { display: inline-block; padding: .15rem .7rem; border: 1px solid var(--control); border-radius: 1rem; text-decoration: none; font-size: .875rem; }
.pages { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; margin: 1.25rem 0 .5rem; }
.chart { margin: 1rem 0; }
.chart figcaption { font-weight: 600; }
.chart svg { max-width: 100%; height: auto; }
.chart text { font-size: 13px; fill: var(--text); }
.chart .chart-bar { fill: var(--bar); }
.chart .chart-block { fill: var(--bad); }
@media (max-width: 45rem) {
  header, main { padding-left: 1rem; padding-right: 1rem; }
  .cards, .cards tbody, .cards tr, .cards td, .cards th { display: block; }
  .cards thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .cards tr { border: 1px solid var(--line); border-radius: 8px; padding: .4rem .75rem; margin: .6rem 0; background: var(--raised); }
  .cards td, .cards tbody th { border: 0; padding: .15rem 0; }
  .cards td { display: grid; grid-template-columns: 7rem 1fr; gap: .5rem; }
  .filters { grid-template-columns: 1fr 1fr; padding: .75rem; }
  .words[open], .filters .actions { grid-column: 1 / -1; }
  .cards td::before { content: attr(data-label); color: var(--soft); font-size: .85rem; }
}
@media (prefers-reduced-motion: no-preference) { .skip { transition: top .1s; } }
`;

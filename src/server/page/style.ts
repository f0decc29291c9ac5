/**
 * The style sheet, served as a resource of its own: the policy of the pages allows no inline style. Text has a contrast
 * of at least 4.5 : 1 (WCAG 2.2, 1.4.3) in both schemes.
 */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --ground: #f5f6f8; --card: #fff; --text: #1a1d23; --quiet: #565d69; --line: #dfe3e8; --link: #1557b0; --row: #f0f3f7;
  --good: #14693a; --good-ground: #dcf3e4; --fair: #7a4d00; --fair-ground: #fdeecb;
  --bad: #a3121f; --bad-ground: #fde1e1; --calm: #414855; --calm-ground: #e6e9ee;
  --one: #1f6feb; --three: #c01c28;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12151a; --card: #1a1e25; --text: #e5e8ed; --quiet: #a2abb8; --line: #303743; --link: #8ab8ff; --row: #222832;
    --good: #7fe0a5; --good-ground: #143423; --fair: #f3c262; --fair-ground: #3a2c0d;
    --bad: #ffa3a3; --bad-ground: #451a1d; --calm: #c3cad5; --calm-ground: #2b313b;
    --one: #6ea8ff; --three: #ff8080;
  }
}
* { box-sizing: border-box; }
html { overflow-anchor: none; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, button:focus-visible, input:focus-visible, .scroll:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.scroll:focus-visible { outline-offset: -2px; }
header, main, footer { max-width: 78rem; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 2rem; padding-top: 1rem; padding-bottom: .75rem; }
.brand { margin: 0; font-weight: 700; font-size: 1.1rem; }
.brand a { color: inherit; text-decoration: none; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem .25rem; margin: 0; padding: 0; list-style: none; }
nav li a { display: block; padding: .25rem .6rem; border-radius: .4rem; text-decoration: none; }
nav li a:hover { background: var(--row); }
nav li a[aria-current] { background: var(--calm-ground); color: var(--text); font-weight: 600; }
#live { margin: 0 0 0 auto; display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; color: var(--quiet); }
#live[hidden] { display: none; }
#live.lost { color: var(--bad); font-weight: 600; }
#live button { padding: .1rem .6rem; font-weight: 400; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.25rem; margin: 0 0 1rem; overflow: clip; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; overflow-wrap: anywhere; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
#state { padding: .9rem 1.25rem; }
.state { margin: 0; display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; overflow-wrap: anywhere; }
.state .badge:first-child { font-size: 1.15rem; padding: .15rem .8rem; }
.when { margin: .5rem 0 0; color: var(--quiet); overflow-wrap: anywhere; }
.badge { display: inline-block; border-radius: 1rem; padding: 0 .6rem; font-weight: 600; font-size: .9em; }
.good { color: var(--good); background: var(--good-ground); }
.fair { color: var(--fair); background: var(--fair-ground); }
.bad { color: var(--bad); background: var(--bad-ground); }
.calm { color: var(--calm); background: var(--calm-ground); }
p.state { background: none; color: inherit; }
#numbers { background: none; border: 0; padding: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem; margin: 0; padding: 0; list-style: none; }
.tiles a { display: block; height: 100%; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .7rem 1rem; color: inherit; text-decoration: none; }
.tiles a:hover { border-color: var(--link); }
.tiles .name, .tiles small { color: var(--quiet); }
.tiles b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 0 0 .75rem; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 0 -1.25rem; padding: 0 1.25rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .45rem 1rem .45rem 0; text-align: left; vertical-align: top; font-weight: 400; }
thead th { color: var(--quiet); font-size: .9em; white-space: nowrap; vertical-align: bottom; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { min-width: 12rem; max-width: 26rem; overflow-wrap: anywhere; }
tbody td { max-width: 16rem; overflow-wrap: break-word; }
th[aria-sort=ascending] a::after { content: " \\2191"; }
th[aria-sort=descending] a::after { content: " \\2193"; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.wide, tbody td.wide { min-width: 16rem; max-width: none; overflow-wrap: anywhere; }
time { white-space: nowrap; }
section > :last-child { margin-bottom: 0; }
small, .none, .paging, .filter { color: var(--quiet); }
small { overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; background: var(--row); border-radius: .3rem; padding: .1rem .35rem; overflow-wrap: anywhere; }
.command { user-select: all; display: inline-block; margin-top: .25rem; }
.scroll + a { display: inline-block; margin-top: .6rem; }
.checks, .plain { margin: 0; padding: 0; list-style: none; }
.checks li + li { margin-top: .25rem; }
.search { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: 0 0 .75rem; }
.search label { color: var(--quiet); }
.search input { flex: 0 1 18rem; min-width: 8rem; }
input, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--quiet); border-radius: .4rem; padding: .25rem .6rem; }
button { cursor: pointer; }
button:hover { background: var(--row); }
.paging { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .75rem 0 0; }
.filter { margin: 0 0 .5rem; word-spacing: .35rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr)); gap: 1.25rem 2rem; }
.plot { margin: 0; min-width: 0; }
.plot svg { display: block; width: 100%; height: 5.5rem; overflow: visible; }
.plot path { fill: none; stroke-width: 2px; stroke-linecap: round; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.plot .grid { stroke: var(--line); stroke-width: 1px; }
.plot .top, .plot .span { display: flex; justify-content: space-between; color: var(--quiet); font-size: .8rem; }
path.one { stroke: var(--one); }
path.two { stroke: var(--three); stroke-dasharray: 5 3; }
.key { white-space: nowrap; margin-left: .5rem; font-variant-numeric: tabular-nums; }
.key::before { content: ""; display: inline-block; width: 1.2rem; margin-right: .35rem; vertical-align: middle; border-top: 2px solid var(--one); }
.key.two::before { border-top: 2px dashed var(--three); }
footer { color: var(--quiet); padding-bottom: 2rem; }
@media (max-width: 58rem) {
  table, thead, tbody, tbody th, td { display: block; }
  thead tr { display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
  thead tr:has([aria-sort])::before { content: "Sort by"; color: var(--quiet); }
  thead th { padding: 0 0 .25rem; border: 0; }
  thead th:not([aria-sort]) { display: none; }
  tbody tr { display: flex; flex-wrap: wrap; gap: .2rem 1.5rem; border-top: 1px solid var(--line); padding: .6rem 0; }
  tbody th, tbody td, tbody td.wide { border: 0; padding: 0; min-width: 0; max-width: 100%; text-align: left; overflow-wrap: anywhere; }
  tbody th, .wide { flex-basis: 100%; }
  td:empty { display: none; }
  td[data-title]::before { content: attr(data-title) ": "; color: var(--quiet); }
}
@media (max-width: 40rem) {
  header, main, footer { padding-left: .75rem; padding-right: .75rem; }
  section { padding: .85rem .9rem; }
  .scroll { margin: 0 -.9rem; padding: 0 .9rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .4rem; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .search label { flex-basis: 100%; }
  .search input { flex: 1 1 8rem; }
}
`;

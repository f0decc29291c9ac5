/** The page's style sheet. Colours have a contrast of at least 4.5 : 1 (WCAG 2.2, 1.4.3) in both schemes. */
export const pageStyle = `
:root { color-scheme: light dark; --line: #c9ced6; --good: #14693a; --fair: #7a4d00; --bad: #a3121f; }
@media (prefers-color-scheme: dark) {
  :root { --line: #4a5260; --good: #6fd79a; --fair: #f0b84d; --bad: #ff9b9b; }
}
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 72rem; padding: 1rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 0; }
dt { font-weight: 600; }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .75rem .3rem 0; text-align: left; vertical-align: top; }
tbody th { font-weight: 400; }
.number { font-variant-numeric: tabular-nums; }
.good, .fair, .bad { font-weight: 600; }
.good { color: var(--good); }
.fair { color: var(--fair); }
.bad { color: var(--bad); }
`;

// How the status page looks.

export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #ffffff; --ink: #16191d; --soft: #59626e; --line: #dfe3e8; --hover: #eef2f7;
  --accent: #1f5fbf; --good: #16713a; --warn: #8a5a00; --bad: #b3261e; --calm: #59626e; --busy: #0b6b83;
  --bad-wash: #fdeceb; --warn-wash: #fdf3de; --spark: #7d93b2;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #0f1216; --card: #171b21; --ink: #e6e9ee; --soft: #9aa5b3; --line: #2a313a; --hover: #1e242c;
    --accent: #7db0ff; --good: #5ecb86; --warn: #e5b454; --bad: #ff8a80; --calm: #9aa5b3; --busy: #5cc3dc;
    --bad-wash: #35191a; --warn-wash: #2f2614; --spark: #5f7799;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[hidden] { display: none !important; }

header { display: flex; flex-wrap: wrap; gap: 4px 20px; align-items: baseline; padding: 18px 24px 6px; }
h1 { margin: 0; font-size: 22px; letter-spacing: -0.02em; }
#about { color: var(--soft); font-size: 13px; font-variant-numeric: tabular-nums; }
#link { margin-left: auto; font-size: 13px; color: var(--soft); }
#link::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 7px; border-radius: 50%; background: var(--warn); }
#link.live::before { background: var(--good); }
#link.lost::before { background: var(--bad); border-radius: 1px; }
#banner { margin: 8px 24px; padding: 10px 14px; border: 1px solid var(--bad); border-radius: 8px; background: var(--bad-wash); color: var(--bad); font-weight: 600; }

#tools { display: flex; flex-wrap: wrap; gap: 10px; padding: 8px 24px 14px; align-items: center; }
#filter { flex: 0 1 260px; min-width: 150px; padding: 7px 11px; border: 1px solid var(--line); border-radius: 8px; background: var(--card); color: inherit; font: inherit; }
#filter::placeholder { color: var(--soft); opacity: 1; }
#states { display: flex; flex-wrap: wrap; gap: 6px; }
.chip { padding: 5px 11px; border: 1px solid var(--line); border-radius: 999px; background: var(--card); color: inherit; font: inherit; font-size: 13px; cursor: pointer; font-variant-numeric: tabular-nums; }
.chip:hover { background: var(--hover); }
.chip[aria-pressed="true"] { background: var(--ink); border-color: var(--ink); color: var(--paper); }
.chip b { margin-left: 5px; }

#notes { margin: 0 24px 14px; padding: 6px 14px; font-size: 13px; }
#notes ul { margin: 0; padding: 0; list-style: none; }
#notes li { padding: 4px 0; overflow-wrap: anywhere; }
#notes .state { margin: 0 12px; }
#notes code { display: inline-block; padding: 1px 6px; border: 1px solid var(--line); border-radius: 6px; background: var(--paper); }

main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 18px; padding: 0 24px 32px; align-items: start; }
main.split { grid-template-columns: minmax(0, 1fr) minmax(340px, 460px); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; overflow: hidden; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { padding: 0; text-align: left; font-weight: 600; font-size: 12px; color: var(--soft); border-bottom: 1px solid var(--line); white-space: nowrap; }
th button { all: unset; box-sizing: border-box; width: 100%; padding: 9px 12px; cursor: pointer; }
th .head { display: block; padding: 9px 12px; }
th button:hover { color: var(--ink); }
th button:focus-visible { outline: 2px solid var(--accent); outline-offset: -3px; }
th[aria-sort="ascending"] button::after { content: " ↑"; }
th[aria-sort="descending"] button::after { content: " ↓"; }
td { padding: 8px 12px; border-bottom: 1px solid var(--line); white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
tbody tr:hover { background: var(--hover); }
tbody tr.chosen { background: var(--hover); box-shadow: inset 3px 0 0 var(--accent); }
tbody tr.failed { background: var(--bad-wash); }
tbody tr.backoff { background: var(--warn-wash); }
.num { text-align: right; }
th.num button { text-align: right; }
td.name a { color: inherit; font-weight: 600; text-decoration: none; }
td.name a:hover { text-decoration: underline; }
td.why { max-width: 0; width: 40%; overflow: hidden; text-overflow: ellipsis; color: var(--soft); }
tr.failed td.why { color: var(--bad); }
tr.backoff td.why { color: var(--warn); }
.stale main { filter: grayscale(1); }
.state { display: inline-flex; align-items: center; vertical-align: middle; gap: 7px; font-size: 13px; font-weight: 600; color: var(--calm); }
.state::before { content: ""; width: 9px; height: 9px; border: 2px solid currentColor; border-radius: 50%; }
.state.running { color: var(--good); }
.state.running::before { background: currentColor; }
.state.starting, .state.waiting { color: var(--busy); }
.state.stopping, .state.killing, .state.backoff { color: var(--warn); }
.state.backoff::before, .state.killing::before { background: linear-gradient(90deg, currentColor 50%, transparent 50%); }
.state.failed { color: var(--bad); }
.state.failed::before { border-radius: 1px; background: currentColor; }
.spark { vertical-align: middle; margin-right: 8px; width: 56px; height: 18px; overflow: visible; }
.spark polyline { fill: none; stroke: var(--spark); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
#empty { padding: 36px 24px; text-align: center; color: var(--soft); }

#detail { position: sticky; top: 16px; max-height: calc(100vh - 32px); overflow: auto; padding: 18px 20px; }
#detail h2 { margin: 0 0 6px; font-size: 19px; overflow-wrap: anywhere; }
#detail h3 { margin: 20px 0 6px; font-size: 12px; color: var(--soft); }
#detail p { margin: 8px 0; overflow-wrap: anywhere; }
#close { float: right; border: 1px solid var(--line); border-radius: 8px; background: none; color: inherit; font: inherit; padding: 3px 10px; cursor: pointer; }
#close:hover { background: var(--hover); }
dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 5px 14px; margin: 0; font-size: 13px; }
dt { color: var(--soft); font-variant-numeric: tabular-nums; }
dd { margin: 0; overflow-wrap: anywhere; }
code, pre { font-family: var(--mono); font-size: 12.5px; }
#commands code { display: block; padding: 6px 10px; margin: 4px 0; border: 1px solid var(--line); border-radius: 6px; background: var(--paper); overflow-wrap: anywhere; }
pre { margin: 0; padding: 10px; max-height: 280px; overflow: auto; border: 1px solid var(--line); border-radius: 8px; background: var(--paper); white-space: pre-wrap; overflow-wrap: anywhere; }
ol { margin: 0; padding: 0; list-style: none; font-size: 13px; }
ol li { padding: 4px 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
ol li:first-child { border-top: 0; }
time { color: var(--soft); font-variant-numeric: tabular-nums; margin-right: 8px; }

@media (max-width: 1100px) {
  main.split { grid-template-columns: minmax(0, 1fr); }
  #detail { position: fixed; inset: 0; max-height: none; border: 0; border-radius: 0; z-index: 1; }
}
@media (max-width: 900px) { .wide { display: none; } td.why { width: auto; } }
@media (max-width: 620px) {
  header, #tools { padding-left: 14px; padding-right: 14px; }
  main { padding: 0 0 24px; }
  #notes { margin: 0 0 14px; }
  .card { border-left: 0; border-right: 0; border-radius: 0; }
  #banner { margin: 8px 14px; }
  #filter { flex: 1 1 100%; }
  .narrow { display: none; }
  th.why { display: none; }
  td, th button { padding-left: 14px; padding-right: 8px; }
  td.why { display: none; }
  td { padding-top: 11px; padding-bottom: 11px; }
}
@media (prefers-reduced-motion: no-preference) { .chip, tbody tr { transition: background-color 0.15s; } }
`;

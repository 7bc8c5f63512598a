// make bench: how fast and how small opsd is, beside supervisord and pm2 where they are found, as a Markdown table.
// `node test/bench/main.ts start status` measures only that, --alone only opsd; OPSD_MAIN names another build than dist/main.js.

import { parseArgs } from 'node:util';
import { scratch } from '../support/scratch.ts';
import { measureAnswers } from './answers.ts';
import { measureBeats } from './beats.ts';
import { makeChild, now } from './child.ts';
import { FLEET, measureFleet, type Wish } from './fleet.ts';
import { measureGraph, measureProbes, measureRestarts } from './graph.ts';
import { opsd, warmUp } from './opsd.ts';
import { measureFile, measureOutput } from './output.ts';
import { measurePage, measureStreams } from './page.ts';
import { findPm2 } from './pm2.ts';
import { load, machine, Report } from './report.ts';
import { measureScrapes } from './scrape.ts';
import { measureAdoption, measureHandover } from './succession.ts';
import { findSupervisord } from './supervisord.ts';
import type { Tool, Work } from './tool.ts';

const OTHERS = [
  'beats',
  'graph',
  'restarts',
  'probes',
  'output',
  'scrape',
  'adoption',
  'handover',
  'page',
  'streams',
  'answers',
] as const;
const HOWS = [
  { row: 'captured', opsd: '' },
  { row: 'direct', opsd: 'log = { mode = "direct" }' },
  { row: 'with timestamps', opsd: 'log = { timestamps = true }' },
] as const;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { alone: { type: 'boolean' } } });
const unknown = positionals.filter((name) => ![...FLEET, ...OTHERS].some((known) => known === name));
if (unknown.length > 0) {
  console.error(`no such measurement: ${unknown.join(' ')}; there are: ${[...FLEET, ...OTHERS].join(' ')}`);
  process.exit(1);
}
const isWanted = (name: string) => positionals.length === 0 || positionals.includes(name);

// Of this run alone: two may run side by side.
await using folder = await scratch();
const child = makeChild(folder.path);
const peers = values.alone ? [] : [findSupervisord(), findPm2()].filter((tool) => tool !== null);
const work = (count: number): Work => ({ home: folder.path, child, count, task: [] });
const report = new Report();
const begun = now();
const loadBefore = load();

warmUp();
for (const count of [100, 1_000]) await measureFleets(count);
if (isWanted('beats')) await measureBeats(work(1_000), report);
if (isWanted('graph')) await measureGraph(work(1_000), report);
if (isWanted('restarts')) await measureRestarts(work(100), report);
if (isWanted('probes')) await measureProbes(work(1_000), report);
if (isWanted('scrape')) await measureScrapes(work(1_000), report);
if (isWanted('adoption')) await measureAdoption(work(1_000), report);
if (isWanted('handover')) await measureHandover(work(100), report);
for (const count of [100, 1_000]) {
  if (isWanted('page')) await measurePage(work(count), report);
  if (isWanted('answers')) await measureAnswers(work(count), report);
}
if (isWanted('streams')) {
  // A loaded machine starves the daemon until no stream comes in time; the other figures are still worth telling.
  await measureStreams(work(1_000), report).catch((error) => console.log(`event streams: NOT measured: ${error}`));
}
if (isWanted('output')) await measureOutputs();

const missed = report.missed();
const versions = [opsd, ...peers].map(({ name, version }) => `${name} ${version}`).join(', ');
console.log(`${machine()}; load ${loadBefore} before, ${load()} after
${versions}; the service is ${child.description}
${((now() - begun) / 1_000).toFixed(0)} s

${report.markdown([opsd, ...peers])}

${missed.length === 0 ? 'Every aim is met.' : `Missed:\n${missed.join('\n')}`}`);

/** What depends on the moment is measured three times. */
async function measureFleets(count: number): Promise<void> {
  const wishes = new Set<Wish>(FLEET.filter(isWanted));
  if (wishes.size === 0) return;
  const brief = new Set<Wish>([...wishes].filter((wish) => wish === 'start' || wish === 'stop'));
  const once: readonly (readonly [Tool, ReadonlySet<Wish>])[] = [
    [opsd, wishes],
    ...peers.map((peer) => [peer, wishes] as const),
  ];
  for (const [tool, wanted] of once) await tolerant(tool, () => measureFleet(tool, work(count), report, wanted));
  for (let run = 0; run < 2 && brief.size > 0; run++) await measureFleet(opsd, work(count), report, brief);
}

async function measureOutputs(): Promise<void> {
  for (let run = 0; run < 3; run++) {
    await measureFile(work(1), report);
    for (const how of HOWS) await measureOutput(opsd, work(1), how, report);
  }
  for (const peer of peers) await tolerant(peer, () => measureOutput(peer, work(1), HOWS[0], report));
}

/** That another supervisor cannot do it is no reason to stop. */
async function tolerant(tool: Tool, measure: () => Promise<void>): Promise<void> {
  try {
    await measure();
  } catch (error) {
    if (tool === opsd) throw error;
    console.error(`${tool.name} failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

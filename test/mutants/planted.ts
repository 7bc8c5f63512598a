// The switch of all planted faults: which of them are there now, which places were come past, and when it is enough.

/** More places come past than this: it goes round for ever. */
export class Endless extends Error {
  override readonly name = 'Endless';
}

let present: ReadonlySet<number> = new Set();
/** The only one that is there, mostly. */
let one = -1;
let passed = new Uint8Array(0);
let steps = 0;
let limit = Number.POSITIVE_INFINITY;

/** Asked at the place of each fault: is it this one that is there? */
export function is(fault: number): boolean {
  passed[fault] = 1;
  steps += 1;
  if (steps > limit) throw new Endless(`more than ${limit} steps`);
  return fault === one || (present.size > 1 && present.has(fault));
}

/** From now on these are there, until the next. Every run counts its own steps. */
export function plant(faults: readonly number[], most: number): void {
  present = new Set(faults);
  one = faults[0] ?? -1;
  limit = most;
  steps = 0;
}

/** Begins to note anew which of that many places are come past. */
export function watchPlaces(count: number): void {
  passed = new Uint8Array(count);
  steps = 0;
}

export function passedPlaces(): readonly number[] {
  const places: number[] = [];
  for (const [place, was] of passed.entries()) if (was === 1) places.push(place);
  return places;
}

export function stepsSoFar(): number {
  return steps;
}

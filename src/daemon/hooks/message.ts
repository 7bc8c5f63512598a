// The message of an event hook: JSON for webhooks and stdin, variables for programs.

import { hostname } from 'node:os';
import type { EventView } from '../../api/events.ts';
import type { Occasion } from '../../core/model/config.ts';
import type { HookMessage } from '../../os/watch/event-hooks.ts';
import { onOneLine } from '../../text/harmless.ts';

/** Characters of `detail`, which may quote other programs. */
const LONGEST_DETAIL = 1_000;

export function hookMessage(occasion: Occasion, event: EventView): HookMessage {
  // A variable cannot hold NUL, and one line cannot hold a line break.
  const detail = onOneLine(event.detail.slice(0, LONGEST_DETAIL));
  const host = hostname();
  // Chat services show `text`.
  const text = `${event.service} ${occasion === event.to ? `is ${event.to}` : occasion} on ${host}: ${detail}`;
  return {
    service: event.service,
    body: JSON.stringify({ version: 1, text, when: occasion, host, ...event, detail }),
    variables: {
      OPSD_WHEN: occasion,
      OPSD_SERVICE: event.service,
      OPSD_HOST: host,
      OPSD_AT: event.at,
      OPSD_FROM: event.from,
      OPSD_TO: event.to,
      OPSD_GENERATION: String(event.generation),
      OPSD_REASON: event.reason,
      OPSD_DETAIL: detail,
      OPSD_FAILURES: String(event.failures_in_a_row),
      OPSD_EXIT_CODE: String(event.exit?.code ?? ''),
      OPSD_EXIT_SIGNAL: event.exit?.signal ?? '',
    },
  };
}

// Lines out of a stream of text, and server-sent events out of its blocks.

/** A longer line is given in pieces, so that memory is bounded. */
const LONGEST = 1024 * 1024;

export async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    rest += chunk;
    let end = rest.indexOf('\n');
    while (end >= 0) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 1);
      end = rest.indexOf('\n');
    }
    if (rest.length > LONGEST) {
      yield rest;
      rest = '';
    }
  }
  if (rest !== '') yield rest;
}

/** Lines with the newlines that end them: the last one may have none, and a piece of a long line has none. */
export async function* rawLinesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    rest += chunk;
    let from = 0;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', from)) {
      yield rest.slice(from, end + 1);
      from = end + 1;
    }
    rest = rest.slice(from);
    if (rest.length <= LONGEST) continue;
    yield rest;
    rest = '';
  }
  if (rest !== '') yield rest;
}

interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

export async function* serverEventsOf(chunks: AsyncIterable<string>): AsyncGenerator<ServerEvent> {
  let event = '';
  for await (const line of linesOf(chunks)) {
    if (line.startsWith('event: ')) event = line.slice(7);
    else if (line.startsWith('data: ')) yield { event, data: line.slice(6) };
    else if (line === '') event = '';
  }
}

// Who has to go when all places are taken, whose turn it is, and who counts as one.

import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { peerOf } from '../../src/http/peer.ts';
import { Crowd } from '../../src/http/server/crowd.ts';
import { Turns } from '../../src/http/server/turns.ts';

/** A socket with this end, and nobody at it. */
function guestFrom(remoteAddress: string, remotePort: number): Socket {
  return Object.defineProperties(new Socket(), {
    remoteAddress: { value: remoteAddress },
    remotePort: { value: remotePort },
  });
}

function enter(crowd: Crowd, address: string, count: number, isShaking = false): Socket[] {
  return Array.from({ length: count }, (_, port) => {
    const guest = guestFrom(address, port + 1);
    crowd.enter(guest, isShaking);
    return guest;
  });
}

/** It has asked for something; gives what answers it. */
function asks(crowd: Crowd, guest: Socket): { readonly response: ServerResponse; readonly isServed: boolean } {
  const request = new IncomingMessage(guest);
  const response = new ServerResponse(request);
  return { response, isServed: crowd.serve(request, response) };
}

const gone = (guests: readonly Socket[]) => guests.flatMap(({ destroyed }, place) => (destroyed ? [place] : []));

test('a newcomer gets the place of the one of its own address that has been silent for longest', async () => {
  const crowd = new Crowd({ all: 10, ofPeer: 4, busyOfPeer: 3, handshaking: 2 });
  const others = enter(crowd, '192.0.2.1', 2);
  const guests = enter(crowd, '192.0.2.2', 4);
  const [first] = guests;
  assert.ok(first);
  const { response } = asks(crowd, first);
  const late = guestFrom('192.0.2.2', 100);
  crowd.enter(late, false);
  assert.deepEqual([gone(guests), gone(others), crowd.size], [[1], [], 6]);
  // Answered: it is silent from now on, and not for longest.
  response.emit('close');
  crowd.enter(guestFrom('192.0.2.2', 101), false);
  assert.deepEqual(gone(guests), [1, 2]);
});

test('where all are taken the address that has most of them makes room', () => {
  const crowd = new Crowd({ all: 10, ofPeer: 8, busyOfPeer: 8, handshaking: 2 });
  const few = enter(crowd, '192.0.2.1', 2);
  const many = enter(crowd, '192.0.2.2', 8);
  const [newcomer] = enter(crowd, '192.0.2.3', 1);
  assert.deepEqual([gone(few), gone(many), newcomer?.destroyed], [[], [0], false]);
});

test('who is being answered keeps its place, and some are kept for those who ask something urgent', () => {
  const crowd = new Crowd({ all: 10, ofPeer: 4, busyOfPeer: 3, handshaking: 2 });
  const guests = enter(crowd, '192.0.2.1', 4);
  assert.deepEqual(
    guests.map((guest) => asks(crowd, guest).isServed),
    [true, true, true, false],
  );
  const [newcomer] = enter(crowd, '192.0.2.1', 1);
  assert.deepEqual([gone(guests), newcomer?.destroyed, crowd.size], [[], true, 4]);
});

test('who does not get on with its encryption makes room for the next, and who has is left alone', () => {
  const crowd = new Crowd({ all: 10, ofPeer: 10, busyOfPeer: 10, handshaking: 2 });
  const guests = enter(crowd, '192.0.2.1', 2, true);
  const [first] = guests;
  assert.ok(first);
  crowd.onHandshake(first);
  enter(crowd, '192.0.2.2', 1, true);
  assert.deepEqual(gone(guests), []);
  enter(crowd, '192.0.2.3', 1, true);
  assert.deepEqual(gone(guests), [1]);
});

test('addresses of which one user may have as many as he likes are one', () => {
  const of = (remoteAddress: string | undefined) => peerOf({ remoteAddress, remotePort: 1 });
  for (const same of [
    ['127.0.0.1', '127.200.3.4', '::1', '::ffff:127.0.0.9'],
    ['192.0.2.1', '::ffff:192.0.2.1'],
    ['2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'],
    ['fe80::1%eth0', 'fe80::2%eth0', 'fe80::a:b:c:d'],
    [undefined],
  ]) {
    assert.equal(new Set(same.map(of)).size, 1, same.join());
  }
  const different = ['127.0.0.1', '192.0.2.1', '192.0.2.2', '2001:db8:1:2::1', '2001:db8:1:3::1', '::2', undefined];
  assert.equal(new Set(different.map(of)).size, different.length);
});

test('in each turn of the loop one is served: the urgent first, then each address in its turn', async () => {
  const turns = new Turns();
  const served: string[] = [];
  for (const name of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) {
    assert.equal(
      turns.take(name.slice(0, 1), () => served.push(name)),
      true,
    );
  }
  turns.takeFirst(() => served.push('urgent'));
  for (let n = 1; n <= 7; n += 1) {
    await turn();
    assert.ok(served.length <= n, `${served.length} in ${n} turns`);
  }
  await turn();
  assert.deepEqual(served, ['urgent', 'a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
});

test('who has too many waiting is told so, and the others are not', async () => {
  const turns = new Turns();
  const taken = (peer: string) => turns.take(peer, () => undefined);
  assert.deepEqual(
    Array.from({ length: 130 }, () => taken('a')).filter((isTaken) => !isTaken),
    [false, false],
  );
  assert.equal(taken('b'), true);
  await turn();
  assert.equal(taken('a'), true);
});

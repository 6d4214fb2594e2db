// The supervisor: what the runtime runs in a sandbox of Modal's, by one exec, to do everything else there. It comes with the exec itself, so
// that it is always of the runtime's own version. These files are put together in the order of their names; Supervisor.java is the other end.
//
// In, on stdin: frames of u32 length of header, u32 length of body, header (JSON: id, op, …), body.
// Out, on stdout: frames of u32 magic, u32 number, u32 channel, u32 length of header, u32 length of body, header, body. Channel 0 has answers
// (id, error?, …) and events (event, …); any other has output of the process that the request of that id follows, and no header. The numbers
// have no gaps: a reader that was given less than all notices.
'use strict';
const fs = require('fs');
const net = require('net');
const path = require('path');
const { spawn, spawnSync } = require('child_process');

const settings = JSON.parse(process.argv[1]);
const MAGIC = 0x41525331;
const NOTHING = Buffer.alloc(0);

class Refusal extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

// Not process.stdout, which may block: whoever is not read from must still notice that nobody is there.
const output = new net.Socket({ fd: 1, readable: false, writable: true });
output.on('error', () => process.exit(1));
let framesSent = 0;

function send(channel, header, body) {
  const head = header === null ? NOTHING : Buffer.from(JSON.stringify(header));
  const prefix = Buffer.allocUnsafe(20);
  prefix.writeUInt32BE(MAGIC, 0);
  prefix.writeUInt32BE(framesSent, 4);
  prefix.writeUInt32BE(channel, 8);
  prefix.writeUInt32BE(head.length, 12);
  prefix.writeUInt32BE(body.length, 16);
  framesSent = (framesSent + 1) >>> 0;
  output.write(Buffer.concat([prefix, head, body]));
}

function tell(event) {
  send(0, event, NOTHING);
}

function answer(id, result) {
  const { body = NOTHING, ...header } = result || {};
  send(0, { id, ...header }, body);
}

function refuse(id, error) {
  const known = error instanceof Refusal;
  send(0, { id, error: { kind: known ? error.kind : 'FAILED', message: known ? error.message : 'the sandbox failed (' + (error.code || error.name) + ')' } },
    NOTHING);
}

// Without a word from the runtime for this long there is none: an exec that goes on would keep the sandbox from ever being idle.
let heardAt = process.hrtime.bigint();
setInterval(() => {
  if (process.hrtime.bigint() - heardAt > BigInt(settings.leaseMs) * 1000000n) {
    process.exit(0);
  }
}, Math.max(50, settings.leaseMs / 4));

function listen(handle) {
  let chunks = [];
  let held = 0;
  let needed = 8;
  process.stdin.on('data', (chunk) => {
    heardAt = process.hrtime.bigint();
    chunks.push(chunk);
    held += chunk.length;
    while (held >= needed) {
      const all = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, held);
      chunks = [all];
      const bodyAt = 8 + all.readUInt32BE(0);
      needed = bodyAt + all.readUInt32BE(4);
      if (held < needed) {
        return;
      }
      handle(JSON.parse(all.toString('utf8', 8, bodyAt)), all.subarray(bodyAt, needed));
      chunks = [all.subarray(needed)];
      held -= needed;
      needed = 8;
    }
  });
  process.stdin.on('end', () => process.exit(0));
  process.stdin.on('error', () => process.exit(0));
}

// Processes that do not depend on this one. A shell keeps each: it holds its input, a named pipe, open for reading and writing, so that it has
// no end, and writes down how it ended. The traps are there so that a signal to the whole group leaves the keeper, without being inherited as
// "ignored".
const KEEPER = `
dir=$1; shift
trap : HUP INT QUIT TERM
if [ -p "$dir/in" ]; then exec 3<>"$dir/in"; else exec 3</dev/null; fi
( echo; exec "$@" <&3 3<&- >>"$dir/out" 2>>"$dir/err" )
echo $? >"$dir/exit"
`;
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const WHOLE_BYTES = 512;
const CHUNK_BYTES = 256 * 1024;
const UNKNOWN = -1;
const PROCESS_ID = /^[0-9a-f]{20}$/;
const gone = () => new Refusal('GONE', 'the process has ended');

// Writes to the pipe in order. While more is written than a pipe takes whole, a mark lies beside it: who finds it knows that a supervisor was
// ended in the middle of a line, and ends that line before it writes its own.
class Input {
  constructor(dir) {
    this.pipe = path.join(dir, 'in');
    this.mark = path.join(dir, 'in.partial');
    this.lastMark = path.join(dir, 'in.mark');
    this.last = Promise.resolve();
    this.waiting = new Set();
  }

  write(bytes, mark) {
    const written = this.last.then(() => this.writeNow(bytes, mark));
    this.last = written.catch(() => {});
    return written;
  }

  async writeNow(bytes, mark) {
    if (this.closed) {
      throw gone();
    }
    if (!this.socket) {
      this.open();
    }
    if (mark) {
      this.note(mark);
    }
    const marked = bytes.length > WHOLE_BYTES;
    if (marked) {
      fs.writeFileSync(this.mark, '');
    }
    await this.put(bytes);
    if (marked) {
      fs.rmSync(this.mark, { force: true });
    }
  }

  // By it the next server knows whether these bytes may have been written: it is there before they are. Where it cannot be, nothing is known.
  note(mark) {
    try {
      fs.writeFileSync(this.lastMark, mark);
    } catch (e) {
      fs.rmSync(this.lastMark, { force: true });
    }
  }

  open() {
    try {
      this.socket = new net.Socket({ fd: fs.openSync(this.pipe, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK), readable: false, writable: true });
    } catch (e) {
      throw gone();
    }
    this.socket.on('error', () => this.close());
    if (fs.existsSync(this.mark)) {
      this.put(Buffer.from('\n')).catch(() => {});
    }
  }

  put(bytes) {
    return new Promise((resolve, reject) => {
      const fail = () => reject(gone());
      this.waiting.add(fail);
      this.socket.write(bytes, (error) => {
        this.waiting.delete(fail);
        if (error) {
          fail();
        } else {
          resolve();
        }
      });
    });
  }

  close() {
    this.closed = true;
    if (this.socket) {
      this.socket.destroy();
    }
    this.waiting.forEach((fail) => fail());
  }
}

// Follows the output from a byte on, as far as the runtime has said that it has room.
class Reader {
  constructor(id, process, offset, credit) {
    this.id = id;
    this.process = process;
    this.position = offset;
    this.credit = credit;
    this.fd = fs.openSync(path.join(process.dir, 'out'), 'r');
  }

  pump() {
    for (let chunks = 0; this.fd !== null && this.credit > 0; chunks++) {
      if (chunks === 16) {
        setImmediate(() => this.pump());
        return;
      }
      const last = this.process.ended;
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, this.credit));
      const read = fs.readSync(this.fd, chunk, 0, chunk.length, this.position);
      if (read === 0) {
        if (last) {
          this.stop();
        }
        return;
      }
      this.position += read;
      this.credit -= read;
      send(this.id, null, chunk.subarray(0, read));
    }
  }

  stop() {
    if (this.fd !== null) {
      fs.closeSync(this.fd);
      this.fd = null;
      readers.delete(this.id);
      answer(this.id);
    }
  }
}

class Kept {
  constructor(id, keeper, seenAlive) {
    this.id = id;
    this.dir = path.join(places.proc, id);
    this.keeper = keeper;
    this.seenAlive = seenAlive;
    this.ended = false;
    this.input = new Input(this.dir);
    this.exit = new Promise((resolve) => {
      this.resolveExit = resolve;
    });
    try {
      this.watcher = fs.watch(this.dir, (type, name) => (name === 'out' ? this.pump() : this.check()));
      this.watcher.on('error', () => {});
    } catch (e) {
      this.watcher = null;
    }
    // For events that were missed, and where there are none.
    this.timer = setInterval(() => {
      this.pump();
      this.check();
    }, this.watcher === null ? 20 : 500);
  }

  pump() {
    readers.forEach((reader) => {
      if (reader.process === this) {
        reader.pump();
      }
    });
  }

  exitCode() {
    const code = text(path.join(this.dir, 'exit'));
    return code !== null && code.endsWith('\n') ? Number(code) : null;
  }

  check() {
    if (this.ending) {
      return this.exit;
    }
    const alive = identity(this.keeper.pid) === this.keeper.start && this.keeper.start !== null;
    this.seenAlive ||= alive;
    // In this order: a keeper that is not alive has written what it had to.
    const code = this.exitCode();
    if (code !== null || !alive) {
      this.ending = true;
      endFamily(this.id, this.keeper, this.seenAlive).then(() => this.end(code === null ? UNKNOWN : code));
    }
    return this.exit;
  }

  end(code) {
    this.ended = true;
    clearInterval(this.timer);
    if (this.watcher !== null) {
      this.watcher.close();
    }
    this.input.close();
    this.pump();
    kept.delete(this.id);
    tell({ event: 'exit', process: this.id, code });
    watch.processEnded();
    this.resolveExit(code);
  }

  signal(signal) {
    const living = identity(this.keeper.pid) === this.keeper.start;
    family(this.id, this.keeper, this.seenAlive).filter((row) => !(living && row.pid === this.keeper.pid))
      .forEach((row) => signalRow(row, signal));
    this.check();
  }
}

const kept = new Map();
// Also those of processes that have ended, until all their output is sent.
const readers = new Map();

// Doing it again with the same id does nothing. What a supervisor began that was ended before it had noted it down is ended first.
async function startProcess({ process: id, command, environment, input }) {
  const dir = path.join(places.proc, id);
  if (attachProcess(id) !== null) {
    return kept.get(id);
  }
  if (fs.existsSync(dir)) {
    await endFamily(id, { pid: 0, start: null }, false);
    fs.rmSync(dir, { recursive: true, force: true });
  }
  fs.mkdirSync(dir, { mode: 0o700 });
  for (const name of ['out', 'err', 'in.mark']) {
    fs.writeFileSync(path.join(dir, name), '', { mode: 0o600 });
  }
  if (input && spawnSync('mkfifo', ['-m', '600', path.join(dir, 'in')], { env: { PATH: DEFAULT_PATH } }).status !== 0) {
    throw new Refusal('FAILED', 'the process could not be given an input');
  }
  const env = {
    ...process.env, PATH: process.env.AGENT_PATH + ':' + (process.env.PATH || DEFAULT_PATH), HOME: places.home, TMPDIR: places.tmp, SHELL: '/bin/sh', LANG: 'C.UTF-8', TERM: 'dumb',
    ...environment, [MARK]: id,
  };
  let child;
  try {
    child = spawn('/bin/sh', ['-c', KEEPER, 'agent-runtime-keeper', dir, ...command],
      { cwd: places.workspace, env, detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (e) {
    // The exception's message has the value, which may be a secret.
    throw new Refusal('FAILED', 'a process cannot be given such an argument or environment variable');
  }
  return new Promise((resolve, reject) => {
    child.on('error', () => reject(new Refusal('FAILED', 'the process could not be started')));
    const keeper = { pid: child.pid, start: child.pid ? identity(child.pid) : null };
    try {
      writeWhole(path.join(dir, 'keeper'), keeper.pid + ' ' + keeper.start);
    } catch (e) {
      // On a full disk, say. Nobody would find it.
      endFamily(id, keeper, true).then(() => reject(e));
      return;
    }
    const begun = new Kept(id, keeper, true);
    kept.set(id, begun);
    child.stdout.once('data', () => resolve(begun));
    child.on('exit', () => {
      resolve(begun);
      begun.check();
    });
  });
}

// null if there never was such a process.
function attachProcess(id) {
  const known = kept.get(id);
  const facts = known || !PROCESS_ID.test(id) ? null : text(path.join(places.proc, id, 'keeper'));
  if (known || facts === null) {
    return known || null;
  }
  const [pid, start] = facts.split(' ');
  const found = new Kept(id, { pid: Number(pid), start }, false);
  kept.set(id, found);
  return found;
}

function keptProcess(id) {
  const found = attachProcess(id);
  if (found === null) {
    throw new Refusal('GONE', 'there is no such process in the sandbox');
  }
  return found;
}

function tail(file, length) {
  return readPart(file, Math.max(0, fs.statSync(file).size - length), length);
}

const processOperations = {
  async start(request, body) {
    fileOperations.write(request, body);
    await startProcess(request);
  },

  async attach({ process: id }) {
    keptProcess(id).check();
  },

  // Answered when all that the ended process wrote was sent, or reading was stopped.
  follow({ id, process: processId, offset, credit }) {
    const followed = keptProcess(processId);
    const reader = new Reader(id, followed, offset, credit);
    readers.set(id, reader);
    reader.pump();
    followed.check();
    return LATER;
  },

  credit({ follow, bytes }) {
    const reader = readers.get(follow);
    if (reader) {
      reader.credit += bytes;
      reader.pump();
    }
    return LATER;
  },

  unfollow({ follow }) {
    readers.get(follow)?.stop();
    return LATER;
  },

  input({ process: id, mark }, body) {
    return keptProcess(id).input.write(body, mark);
  },

  // null if it is not known; empty if there was none.
  lastMark({ process: id }) {
    return { mark: text(keptProcess(id).input.lastMark) };
  },

  signal({ process: id, signal }) {
    keptProcess(id).signal(signal);
  },

  errorTail({ process: id, length }) {
    if (!PROCESS_ID.test(id)) {
      throw gone();
    }
    return { body: tail(path.join(places.proc, id, 'err'), length) };
  },

  async run(request) {
    const { process: id, timeoutMs, length } = request;
    const running = await startProcess({ ...request, input: false });
    const timer = setTimeout(() => running.signal('SIGKILL'), timeoutMs);
    const code = await running.exit;
    clearTimeout(timer);
    const out = tail(path.join(running.dir, 'out'), length);
    const err = tail(path.join(running.dir, 'err'), length);
    fs.rmSync(running.dir, { recursive: true, force: true });
    return { code, outLength: out.length, body: Buffer.concat([out, err]) };
  },
};

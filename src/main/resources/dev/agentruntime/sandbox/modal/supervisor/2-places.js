// Where things are. With nothing that others could read.
const base = settings.base;
const places = {};
for (const name of ['workspace', 'home', 'tmp', 'proc', 'staging']) {
  places[name] = path.join(base, name);
}
const factsFile = path.join(base, 'sandbox.json');
const ownFile = path.join(base, 'supervisor');

function text(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (e) {
    return null;
  }
}

function writeWhole(file, content) {
  fs.writeFileSync(file + '.part', content, { mode: 0o600 });
  fs.renameSync(file + '.part', file);
}

// The fields of /proc/<pid>/stat from the third on; a name may hold anything, also parentheses.
function stat(pid) {
  const line = text('/proc/' + pid + '/stat');
  return line === null ? null : line.slice(line.lastIndexOf(')') + 2).split(' ');
}

// Tells a process from a later one of the same number.
function identity(pid) {
  const fields = stat(pid);
  return fields === null || fields[0] === 'Z' ? null : fields[19];
}

// There is one supervisor: that of the session's last owner, and of its own the last that it asked for. The one before is told to go, so that it
// can say so, and then made to. One that is late, whose runtime may have lost the session or be dead by now, takes nothing, also from one that
// has ended since.
function takeOver() {
  const [pid, start, term, number] = (text(ownFile) || '').split(' ');
  if (Number(term) > settings.term || Number(term) === settings.term && Number(number) > settings.number) {
    return false;
  }
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (const [signal, patienceMs] of [['SIGTERM', 500], ['SIGKILL', 1000]]) {
    if (pid && Number(pid) !== process.pid && identity(pid) === start) {
      process.kill(Number(pid), signal);
      for (let i = 0; i < patienceMs && identity(pid) === start; i++) {
        Atomics.wait(pause, 0, 0, 1);
      }
    }
  }
  writeWhole(ownFile, process.pid + ' ' + identity(process.pid) + ' ' + settings.term + ' ' + settings.number);
  return true;
}

const TAKEN = 'another server has taken the sandbox';

function leave(message) {
  tell({ event: 'closed', message });
  output.end(() => process.exit(0));
}

// Makes the sandbox's folders when it is new; finds what was made when it is not.
function openPlaces() {
  if (settings.facts) {
    Object.values(places).forEach((place) => fs.mkdirSync(place, { mode: 0o700, recursive: true }));
    writeWhole(factsFile, JSON.stringify(settings.facts));
  }
  const facts = text(factsFile);
  if (facts === null) {
    leave('the sandbox was never made whole');
    return null;
  }
  if (!takeOver()) {
    leave(TAKEN);
    return null;
  }
  return JSON.parse(facts);
}

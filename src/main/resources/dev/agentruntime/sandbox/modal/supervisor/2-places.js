// Where things are: below the directory that the supervisor is started in. With nothing that others could read.
const base = process.cwd();
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

// There is one supervisor: that of the runtime that came last.
function takeOver() {
  const [pid, start] = (text(ownFile) || '').split(' ');
  if (pid && Number(pid) !== process.pid && start && identity(pid) === start) {
    process.kill(Number(pid), 'SIGKILL');
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let i = 0; i < 1000 && identity(pid) === start; i++) {
      Atomics.wait(pause, 0, 0, 1);
    }
  }
  writeWhole(ownFile, process.pid + ' ' + identity(process.pid));
}

// Makes the sandbox's folders when it is new; finds what was made when it is not.
function openPlaces() {
  if (settings.facts) {
    Object.values(places).forEach((place) => fs.mkdirSync(place, { mode: 0o700, recursive: true }));
    writeWhole(factsFile, JSON.stringify(settings.facts));
  }
  const facts = text(factsFile);
  if (facts === null) {
    tell({ event: 'closed', kind: 'GONE', message: 'the sandbox was never made whole' });
    output.end(() => process.exit(1));
    return null;
  }
  takeOver();
  return JSON.parse(facts);
}

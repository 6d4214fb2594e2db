// What a process started, wherever it has gone: found by a mark in the environment, by group, session and parent.
const MARK = 'AGENT_RUNTIME_PROCESS_ID';

function processTable() {
  const rows = [];
  for (const name of fs.readdirSync('/proc')) {
    if (/^\d+$/.test(name)) {
      const fields = stat(name);
      if (fields !== null && fields[0] !== 'Z') {
        rows.push({ pid: Number(name), parent: Number(fields[1]), group: Number(fields[2]), session: Number(fields[3]), start: fields[19] });
      }
    }
  }
  return rows;
}

function carriesMark(pid, mark) {
  const environment = text('/proc/' + pid + '/environ');
  return environment !== null && ('\0' + environment).includes('\0' + mark + '\0');
}

// trusted: whether the keeper was seen alive by this supervisor, so that what is left of its session is known to be its own.
function family(processId, keeper, trusted) {
  const rows = processTable();
  const holder = rows.find((row) => row.pid === keeper.pid);
  const own = holder ? holder.start === keeper.start : trusted;
  const found = new Map();
  const mark = MARK + '=' + processId;
  for (let grown = true; grown;) {
    grown = false;
    for (const row of rows) {
      if (!found.has(row.pid) && row.pid !== process.pid
          && (own && (row.pid === keeper.pid || row.session === keeper.pid || row.group === keeper.pid)
            || found.has(row.parent) || (row.marked ??= carriesMark(row.pid, mark)))) {
        found.set(row.pid, row);
        grown = true;
      }
    }
  }
  return [...found.values()];
}

function signalRow(row, signal) {
  try {
    if (identity(row.pid) === row.start) {
      process.kill(row.pid, signal);
    }
  } catch (e) {
    // It has ended meanwhile.
  }
}

// Kills until nothing is left.
async function endFamily(processId, keeper, trusted) {
  for (let pause = 1, waited = 0; waited < 10000; waited += pause, pause = Math.min(pause * 2, 50)) {
    const rows = family(processId, keeper, trusted);
    if (rows.length === 0) {
      return;
    }
    rows.forEach((row) => signalRow(row, 'SIGKILL'));
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

// An operation that answers by itself, later or never.
const LATER = {};

const operations = {
  ...fileOperations,
  ...processOperations,
  watch() {
    watch.start();
  },
  beat() {},
  bye() {
    process.exit(0);
  },
};

function handle(request, body) {
  try {
    const result = operations[request.op](request, body);
    if (result instanceof Promise) {
      result.then((value) => answer(request.id, value), (error) => refuse(request.id, error));
    } else if (result !== LATER) {
      answer(request.id, result);
    }
  } catch (error) {
    refuse(request.id, error);
  }
}

process.umask(0o022);
const facts = openPlaces();
const ignoredNames = new Set(facts === null ? [] : facts.ignoredNames);
if (facts !== null) {
  process.on('SIGTERM', () => leave(TAKEN));
  tell({ event: 'open', workspace: places.workspace, home: places.home, expiresAt: facts.expiresAt, supplied: facts.supplied });
  listen(handle);
}

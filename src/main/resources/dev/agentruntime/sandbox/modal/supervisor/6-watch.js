// Tells of changed files in the workspace, by one watch of the kernel's per folder. A change is a hint; "" says that anything may have changed.
const HINT_DELAY_MS = 50;
const HINTS_AT_ONCE = 1000;
const WATCHED_FOLDERS = 8192;
const ANYTHING_INTERVAL_MS = 500;

const watch = {
  started: false,
  blind: false,
  folders: new Map(),
  hints: new Set(),
  timer: null,

  start() {
    if (!this.started) {
      this.started = true;
      this.register('', false);
    }
  },

  // Adds a folder and all below it. telling: it is new, so that what is in it may not have been told.
  register(name, telling) {
    const place = path.join(places.workspace, name);
    if (this.blind || !this.add(name, place)) {
      return;
    }
    let entries;
    try {
      entries = fs.readdirSync(place, { withFileTypes: true });
    } catch (e) {
      return;
    }
    for (const entry of entries) {
      const below = name === '' ? entry.name : name + '/' + entry.name;
      if (ignoredNames.has(entry.name)) {
        continue;
      }
      if (entry.isDirectory()) {
        this.register(below, telling);
      } else if (telling) {
        this.tell(below);
      }
    }
  },

  // Before its entries are read, so that none that comes meanwhile is missed.
  add(name, place) {
    this.forget(name);
    try {
      if (this.folders.size >= WATCHED_FOLDERS) {
        throw new Error('too many folders');
      }
      const watcher = fs.watch(place, { encoding: 'buffer' }, (type, file) => this.changed(name, type, file));
      watcher.on('error', () => this.forget(name));
      this.folders.set(name, watcher);
      return true;
    } catch (e) {
      if (lstat(place)?.isDirectory()) {
        this.goBlind();
      }
      return false;
    }
  },

  // Part of the tree told exactly and part not at all is worth less than its cost.
  goBlind() {
    this.blind = true;
    this.folders.forEach((watcher) => watcher.close());
    this.folders.clear();
    this.tell('');
    setInterval(() => {
      if (kept.size > 0) {
        this.tell('');
      }
    }, ANYTHING_INTERVAL_MS);
  },

  // What it changed last may not have been told yet.
  processEnded() {
    if (this.blind) {
      this.tell('');
    }
  },

  // Whether it was watched.
  forget(name) {
    const known = this.folders.has(name);
    if (known) {
      for (const [folder, watcher] of this.folders) {
        if (folder === name || name === '' || folder.startsWith(name + '/')) {
          watcher.close();
          this.folders.delete(folder);
        }
      }
    }
    return known;
  },

  changed(folder, type, file) {
    const entry = file === null ? '' : file.toString();
    if (file === null || entry.includes('\ufffd')) {
      this.tell('');
      return;
    }
    if (ignoredNames.has(entry)) {
      return;
    }
    const name = folder === '' ? entry : folder + '/' + entry;
    const there = lstat(path.join(places.workspace, name));
    if (there !== null && there.isDirectory()) {
      if (type === 'rename' || !this.folders.has(name)) {
        this.register(name, true);
      }
      return;
    }
    if (there === null && this.forget(name)) {
      // All files that were in it are gone, or have new names.
      this.tell('');
    }
    this.tell(name);
  },

  tell(hint) {
    if (this.hints.size === HINTS_AT_ONCE) {
      this.hints.clear();
      this.hints.add('');
    }
    this.hints.add(hint);
    this.timer ??= setTimeout(() => this.flush(), HINT_DELAY_MS);
  },

  flush() {
    const paths = this.hints.has('') ? [''] : [...this.hints];
    this.hints.clear();
    this.timer = null;
    tell({ event: 'changed', paths });
  },
};

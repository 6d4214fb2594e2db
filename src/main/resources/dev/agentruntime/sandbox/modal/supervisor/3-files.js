// Files, with the rules of SandboxFiles: nothing leaves its root, by a link either.
const NAME_BYTES = 255;
const PATH_BYTES = 4095;

const noFile = () => new Refusal('NO_FILE', 'there is no such file');
const forbidden = (why) => new Refusal('FORBIDDEN_PATH', why);

function lstat(file) {
  try {
    return fs.lstatSync(file);
  } catch (e) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(e.code)) {
      return null;
    }
    throw e;
  }
}

class Root {
  constructor(name) {
    this.place = name === 'HOME' ? places.home : places.workspace;
  }

  start() {
    const there = lstat(this.place);
    if (there === null) {
      throw noFile();
    }
    if (there.isSymbolicLink()) {
      throw this.leaves();
    }
    return this.place;
  }

  leaves() {
    return forbidden("the path leaves the sandbox's folder through a link");
  }

  holds(real) {
    return real === this.place || real.startsWith(this.place + '/');
  }

  child(parent, name) {
    const child = parent + '/' + name;
    if (Buffer.byteLength(name) > NAME_BYTES || Buffer.byteLength(child) > PATH_BYTES) {
      throw noFile();
    }
    return child;
  }

  follow(file) {
    const there = lstat(file);
    if (there === null) {
      throw noFile();
    }
    if (!there.isSymbolicLink()) {
      return file;
    }
    let real;
    try {
      real = fs.realpathSync.native(file);
    } catch (e) {
      throw noFile();
    }
    if (!this.holds(real)) {
      throw this.leaves();
    }
    return real;
  }

  resolve(relative) {
    return parts(relative).reduce((at, part) => this.follow(this.child(at, part)), this.start());
  }

  // A link in the last place is itself meant.
  entry(relative) {
    const names = parts(relative);
    if (names.length === 0) {
      throw forbidden('the path of a file is needed');
    }
    const parent = names.slice(0, -1).reduce((at, part) => this.follow(this.child(at, part)), this.start());
    return this.child(parent, names[names.length - 1]);
  }

  folder(file) {
    try {
      fs.mkdirSync(file, { mode: 0o755 });
      return file;
    } catch (e) {
      if (e.code !== 'EEXIST') {
        throw e.code === 'ENOTDIR' ? forbidden('a part of the path is a file') : e;
      }
    }
    const there = this.follow(file);
    if (!fs.lstatSync(there).isDirectory()) {
      throw forbidden('a part of the path is a file');
    }
    return there;
  }

  // Makes the folders that are missing, and follows a link that leads to a file.
  prepare(relative) {
    const names = parts(relative);
    if (names.length === 0) {
      throw forbidden('the path of a file is needed');
    }
    try {
      const parent = names.slice(0, -1).reduce((at, part) => this.folder(this.child(at, part)), this.start());
      const target = this.child(parent, names[names.length - 1]);
      const there = lstat(target);
      return there !== null && there.isSymbolicLink() && fs.existsSync(target) ? this.follow(target) : target;
    } catch (e) {
      throw e.kind === 'NO_FILE' ? forbidden('the name is not possible here') : e;
    }
  }

  // A regular file, with no link in its path any more.
  existing(relative) {
    const file = this.resolve(relative);
    if (!fs.lstatSync(file).isFile()) {
      throw noFile();
    }
    return file;
  }
}

function parts(relative) {
  return relative === '' ? [] : relative.split('/');
}

function factsOf({ root, path: relative }) {
  const facts = fs.lstatSync(new Root(root).existing(relative));
  return [facts.size, Math.floor(facts.mtimeMs)];
}

function openForReading(file) {
  try {
    return fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  } catch (e) {
    throw e.code === 'EACCES' ? new Refusal('FAILED', 'the file may not be read') : e.code === 'ENOENT' ? noFile() : e;
  }
}

function readPart(file, offset, length) {
  const fd = openForReading(file);
  try {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, fs.fstatSync(fd).size - offset)));
    let filled = 0;
    while (filled < bytes.length) {
      const read = fs.readSync(fd, bytes, filled, bytes.length - filled, offset + filled);
      if (read === 0) {
        break;
      }
      filled += read;
    }
    return bytes.subarray(0, filled);
  } finally {
    fs.closeSync(fd);
  }
}

function writeOne(file, content) {
  const target = new Root(file.root).prepare(file.path);
  const there = lstat(target);
  if (there !== null && there.isDirectory()) {
    throw forbidden('there is a folder at this path');
  }
  const part = path.join(places.staging, String(process.pid));
  try {
    fs.writeFileSync(part, content, { flag: 'w', mode: 0o600 });
    fs.chmodSync(part, file.executable ? 0o755 : 0o644);
    if (file.modifiedAt) {
      // Half a microsecond more, so that the fraction is not cut to the millisecond before.
      const seconds = file.modifiedAt / 1000 + 0.0000005;
      fs.utimesSync(part, seconds, seconds);
    }
    fs.renameSync(part, target);
  } finally {
    fs.rmSync(part, { force: true });
  }
}

// Lists a folder and what is below it. What has a name that cannot be said, or cannot be read, is counted.
class Lister {
  constructor(root, ignored) {
    this.root = root;
    this.ignored = ignored;
    this.files = [];
    this.unreadable = 0;
  }

  folder(place, name) {
    let entries;
    try {
      entries = fs.readdirSync(place, { encoding: 'buffer', withFileTypes: true });
    } catch (e) {
      this.unreadable += e.code === 'ENOENT' ? 0 : 1;
      return;
    }
    for (const entry of entries) {
      const text = entry.name.toString();
      if (this.ignored.has(text)) {
        continue;
      }
      const sayable = !text.includes('\ufffd') || Buffer.from(text).equals(entry.name);
      if (!sayable) {
        this.unreadable += entry.isDirectory() || entry.isFile() || entry.isSymbolicLink() ? 1 : 0;
      } else if (entry.isDirectory()) {
        this.folder(place + '/' + text, name === '' ? text : name + '/' + text);
      } else if (entry.isFile() || entry.isSymbolicLink()) {
        this.file(place + '/' + text, name === '' ? text : name + '/' + text, entry.isSymbolicLink());
      }
    }
  }

  file(place, name, link) {
    let facts;
    try {
      if (link) {
        const real = fs.realpathSync.native(place);
        facts = this.root.holds(real) ? fs.lstatSync(real) : null;
      } else {
        facts = fs.lstatSync(place);
      }
    } catch (e) {
      return;
    }
    if (facts === null || !facts.isFile()) {
      return;
    }
    try {
      fs.accessSync(place, fs.constants.R_OK);
      this.files.push([name, facts.size, Math.floor(facts.mtimeMs)]);
    } catch (e) {
      this.unreadable++;
    }
  }
}

const fileOperations = {
  list({ root, path: relative }) {
    const confined = new Root(root);
    const lister = new Lister(confined, root === 'WORKSPACE' ? ignoredNames : new Set());
    try {
      const place = confined.resolve(relative);
      if (fs.lstatSync(place).isDirectory()) {
        lister.folder(place, relative);
      }
    } catch (e) {
      if (e.kind !== 'NO_FILE') {
        throw e;
      }
    }
    return { unreadable: lister.unreadable, body: Buffer.from(JSON.stringify(lister.files)) };
  },

  stat(file) {
    const [size, modifiedAt] = factsOf(file);
    return { size, modifiedAt };
  },

  // Of many files at once; null for one that is not there.
  statAll({ files }) {
    const facts = files.map((file) => {
      try {
        return factsOf(file);
      } catch (e) {
        if (e.kind === 'NO_FILE') {
          return null;
        }
        throw e;
      }
    });
    return { body: Buffer.from(JSON.stringify(facts)) };
  },

  read({ root, path: relative, offset, length }) {
    return { body: readPart(new Root(root).existing(relative), offset, length) };
  },

  // The beginnings of many files at once; -1 for one that cannot be read.
  readAll({ files, length }) {
    const contents = files.map((file) => {
      try {
        return readPart(new Root(file.root).existing(file.path), 0, length);
      } catch (e) {
        return null;
      }
    });
    return { lengths: contents.map((content) => (content === null ? -1 : content.length)), body: Buffer.concat(contents.filter((c) => c !== null)) };
  },

  write({ files }, body) {
    let at = 0;
    for (const file of files) {
      writeOne(file, body.subarray(at, at + file.length));
      at += file.length;
    }
  },

  append({ root, path: relative, offset }, body) {
    const target = new Root(root).prepare(relative);
    const there = lstat(target);
    if (there !== null && !there.isFile()) {
      throw forbidden('there is something else at this path');
    }
    const fd = fs.openSync(target, fs.constants.O_WRONLY | fs.constants.O_NOFOLLOW | (offset === 0 ? fs.constants.O_CREAT : 0), 0o644);
    try {
      if (fs.fstatSync(fd).size < offset) {
        throw new Refusal('FAILED', 'what belongs before is not there');
      }
      fs.ftruncateSync(fd, offset);
      for (let written = 0; written < body.length; ) {
        written += fs.writeSync(fd, body, written, body.length - written, offset + written);
      }
    } finally {
      fs.closeSync(fd);
    }
  },

  delete({ root, path: relative }) {
    let file;
    try {
      file = new Root(root).entry(relative);
    } catch (e) {
      if (e.kind === 'NO_FILE') {
        return;
      }
      throw e;
    }
    const there = lstat(file);
    if (there !== null && there.isDirectory()) {
      throw forbidden('there is a folder at this path');
    }
    fs.rmSync(file, { force: true });
  },
};

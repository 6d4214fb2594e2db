package dev.agentruntime.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxFiles.Entry;
import dev.agentruntime.sandbox.SandboxFiles.FileContent;
import dev.agentruntime.sandbox.SandboxFiles.Listing;
import io.vertx.core.buffer.Buffer;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files: what {@link SandboxFiles} promises. */
abstract class FilesContract extends ProcessContract {

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 4096, 5_000_001})
  void keepsBytesAsTheyAre(int size) throws Exception {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    SandboxPath path = SandboxPath.workspace("data.bin");
    await(sandbox.files().write(List.of(new FileContent(path, Buffer.buffer(bytes), false, 0))));
    assertThat(await(sandbox.files().read(path, 0, size + 10)).getBytes()).isEqualTo(bytes);
    assertThat(await(sandbox.files().stat(path)).size()).isEqualTo(size);
  }

  @Test
  void readsRanges() throws Exception {
    write("digits", "0123456789");
    SandboxPath path = SandboxPath.workspace("digits");
    assertThat(await(sandbox.files().read(path, 3, 4)).toString()).isEqualTo("3456");
    assertThat(await(sandbox.files().read(path, 8, 4)).toString()).isEqualTo("89");
    assertThat(await(sandbox.files().read(path, 10, 4)).length()).isZero();
    assertThat(await(sandbox.files().read(path, 1000, 4)).length()).isZero();
    assertThat(await(sandbox.files().read(path, 0, 0)).length()).isZero();
  }

  @Test
  void writesALargeFilePieceByPiece() throws Exception {
    SandboxPath path = SandboxPath.workspace("new folder/large");
    await(sandbox.files().append(path, 0, Buffer.buffer("0123")));
    await(sandbox.files().append(path, 4, Buffer.buffer("456789")));
    await(sandbox.files().append(path, 4, Buffer.buffer("xyz")));
    assertThat(readFile("new folder/large")).isEqualTo("0123xyz");
    assertThat(run("printf +; cat 'new folder/large'").stdout()).isEqualTo("+0123xyz");
    assertFails(sandbox.files().append(path, 8, Buffer.buffer("gap")), Kind.FAILED);
    assertThat(readFile("new folder/large")).isEqualTo("0123xyz");
    await(sandbox.files().append(path, 0, Buffer.buffer("")));
    assertThat(readFile("new folder/large")).isEmpty();
    run("echo secret >\"$HOME/secret\"; mkfifo pipe; ln -s \"$HOME/secret\" link");
    for (String other : List.of("new folder", "pipe", "link", "pipe/x")) {
      assertFails(sandbox.files().append(SandboxPath.workspace(other), 0, Buffer.buffer("x")), Kind.FORBIDDEN_PATH);
    }
  }

  @Test
  void readsManyFilesAtOnce() throws Exception {
    run("echo secret >\"$HOME/secret\"; ln -s \"$HOME/secret\" link");
    write("a", "0123456789");
    write("b/c", "");
    List<Buffer> read = await(sandbox.files().readAll(
        List.of(SandboxPath.workspace("a"), SandboxPath.workspace("none"), SandboxPath.workspace("link"), SandboxPath.workspace("b/c"),
            SandboxPath.home("secret")), 7));
    assertThat(read).containsExactly(Buffer.buffer("0123456"), null, null, Buffer.buffer(), Buffer.buffer("secret\n"));
    assertThat(await(sandbox.files().readAll(List.of(), 1))).isEmpty();
  }

  @Test
  void sharesItsFilesWithProcesses() throws Exception {
    write("a/b/c.txt", "from outside");
    await(sandbox.files().write(List.of(new FileContent(SandboxPath.home(".config/x"), Buffer.buffer("home"), false, 0))));
    assertThat(run("cat a/b/c.txt; cat \"$HOME/.config/x\"").stdout()).isEqualTo("from outsidehome");
    run("mkdir -p d/e; printf inside >d/e/f.txt");
    assertThat(readFile("d/e/f.txt")).isEqualTo("inside");
  }

  @ParameterizedTest
  @ValueSource(strings = {"with space.txt", "-n", "a'b\"c", "line\nbreak", "täxt ☃.md", "back\\slash", "$HOME", "*", ".hidden", "a/.b/ c ", "%2e%2e"})
  void takesAnyName(String name) throws Exception {
    write(name, "content of " + name);
    assertThat(list()).containsExactly(name);
    assertThat(readFile(name)).isEqualTo("content of " + name);
    assertThat(run("find . -type f | wc -l").stdout().strip()).isEqualTo(name.contains("\n") ? "2" : "1");
    await(sandbox.files().delete(SandboxPath.workspace(name)));
    assertThat(list()).isEmpty();
  }

  @Test
  void replacesFilesAndKeepsTheFacts() throws Exception {
    write("file", "a long first content");
    SandboxPath path = SandboxPath.workspace("file");
    await(sandbox.files().write(List.of(new FileContent(path, Buffer.buffer("#!/bin/sh\necho ran"), true, 1_600_000_000_000L))));
    assertThat(await(sandbox.files().stat(path))).isEqualTo(new Entry("file", 18, 1_600_000_000_000L));
    assertThat(run("./file").stdout()).isEqualTo("ran\n");
    write("file", "plain");
    assertThat(run("[ -x file ] && echo executable").stdout()).isEmpty();
    assertThat(await(sandbox.files().stat(path)).modifiedAt()).isGreaterThan(1_600_000_000_000L);
  }

  @Test
  void leavesNothingBesideTheFile() throws Exception {
    write("one", "1");
    write("one", "2");
    assertThat(run("ls -A").stdout()).isEqualTo("one\n");
  }

  @Test
  void writesManyFilesAtOnce() throws Exception {
    await(sandbox.files().write(List.of(file("a", "1"), file("b/c", "2"), file("b/d", ""))));
    assertThat(list()).containsExactly("a", "b/c", "b/d");
    await(sandbox.files().write(List.of()));
  }

  @Test
  void refusesToWriteWhereAFolderIs() throws Exception {
    write("folder/file", "kept");
    assertFails(sandbox.files().write(List.of(file("folder", "x"))), Kind.FORBIDDEN_PATH);
    assertFails(sandbox.files().write(List.of(file("folder/file/x", "x"))), Kind.FORBIDDEN_PATH);
    assertFails(sandbox.files().write(List.of(file("", "x"))), Kind.FORBIDDEN_PATH);
    assertFails(sandbox.files().write(List.of(file("a".repeat(300), "x"))), Kind.FORBIDDEN_PATH);
    assertThat(list()).containsExactly("folder/file");
    assertThat(readFile("folder/file")).isEqualTo("kept");
  }

  @Test
  void tellsWhenThereIsNoFile() throws Exception {
    write("folder/file", "x");
    for (String path : List.of("nothing", "folder", "folder/nothing", "folder/file/below", "", "a".repeat(300))) {
      assertFails(sandbox.files().stat(SandboxPath.workspace(path)), Kind.NO_FILE);
      assertFails(sandbox.files().read(SandboxPath.workspace(path), 0, 10), Kind.NO_FILE);
    }
  }

  @Test
  void tellsTheFactsOfManyAtOnce() throws Exception {
    write("folder/file", "x");
    write("other", "1234");
    await(sandbox.files().write(List.of(new FileContent(SandboxPath.workspace("old"), Buffer.buffer("12"), false, 1_600_000_000_000L))));
    List<SandboxPath> paths = Stream.of("other", "nothing", "folder", "folder/file", "old").map(SandboxPath::workspace).toList();
    List<Entry> entries = await(sandbox.files().statAll(paths));
    assertThat(entries).extracting(entry -> entry == null ? null : entry.path()).containsExactly("other", null, null, "folder/file", "old");
    assertThat(entries.get(0)).isEqualTo(await(sandbox.files().stat(paths.get(0))));
    assertThat(entries.get(4)).isEqualTo(new Entry("old", 2, 1_600_000_000_000L));
    assertThat(await(sandbox.files().statAll(List.of()))).isEmpty();
    run("ln -s /etc etc");
    assertFails(sandbox.files().statAll(List.of(paths.get(0), SandboxPath.workspace("etc/passwd"))), Kind.FORBIDDEN_PATH);
  }

  @Test
  void deletesAFileAndNothingElse() throws Exception {
    write("folder/file", "x");
    await(sandbox.files().delete(SandboxPath.workspace("folder/file")));
    await(sandbox.files().delete(SandboxPath.workspace("folder/file")));
    await(sandbox.files().delete(SandboxPath.workspace("no/such/file")));
    assertFails(sandbox.files().delete(SandboxPath.workspace("folder")), Kind.FORBIDDEN_PATH);
    assertFails(sandbox.files().delete(SandboxPath.workspace("")), Kind.FORBIDDEN_PATH);
    assertThat(run("ls -d folder").stdout()).isEqualTo("folder\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"..", "../x", "a/../b", "/etc/passwd", "a//b", "a/", "./a", "a\0b"})
  void refusesPathsThatAreNone(String path) {
    assertThatThrownBy(() -> SandboxPath.workspace(path)).isInstanceOfSatisfying(SandboxException.class,
        e -> assertThat(e.kind()).isEqualTo(Kind.FORBIDDEN_PATH));
  }

  @Test
  void refusesLinksThatLeave() throws Exception {
    run("echo secret >\"$HOME/secret\"; ln -s \"$HOME/secret\" file; ln -s \"$HOME\" folder; ln -s /etc etc; ln -s ../home relative;"
        + "mkdir sub; ln -s ../../.. sub/up");
    for (String path : List.of("file", "folder/secret", "etc/passwd", "relative/secret", "sub/up/anything")) {
      assertFails(sandbox.files().read(SandboxPath.workspace(path), 0, 10), Kind.FORBIDDEN_PATH);
      assertFails(sandbox.files().stat(SandboxPath.workspace(path)), Kind.FORBIDDEN_PATH);
      assertFails(sandbox.files().write(List.of(file(path, "overwritten"))), Kind.FORBIDDEN_PATH);
    }
    assertFails(sandbox.files().write(List.of(file("folder/new/file", "x"))), Kind.FORBIDDEN_PATH);
    assertFails(sandbox.files().delete(SandboxPath.workspace("folder/secret")), Kind.FORBIDDEN_PATH);
    assertFails(sandbox.files().list(SandboxPath.workspace("folder")), Kind.FORBIDDEN_PATH);
    assertThat(run("cat \"$HOME/secret\"; ls \"$HOME\"").stdout()).isEqualTo("secret\nsecret\n");
    assertThat(list()).isEmpty();
    await(sandbox.files().delete(SandboxPath.workspace("file")));
    assertThat(run("cat \"$HOME/secret\"").stdout()).isEqualTo("secret\n");
  }

  @Test
  void followsLinksThatStay() throws Exception {
    run("mkdir real; printf content >real/file; ln -s real/file link; ln -s real folder; ln -s \"$PWD/real/file\" absolute");
    assertThat(list()).containsExactly("absolute", "link", "real/file");
    assertThat(readFile("link")).isEqualTo("content");
    assertThat(readFile("folder/file")).isEqualTo("content");
    assertThat(await(sandbox.files().stat(SandboxPath.workspace("link"))).size()).isEqualTo(7);
    write("link", "changed");
    write("folder/new", "new");
    assertThat(run("cat real/file real/new; [ -h link ] && echo ' link'").stdout()).isEqualTo("changednew link\n");
  }

  @Test
  void skipsWhatIsNoFile() throws Exception {
    run("echo secret >\"$HOME/secret\"; mkfifo pipe; ln -s nowhere dangling; ln -s loop loop; ln -s /nowhere/at/all outside; mkdir empty; echo x >file");
    Listing listing = await(sandbox.files().list(SandboxPath.workspace("")));
    assertThat(listing.files()).extracting(Entry::path).containsExactly("file");
    assertThat(listing.unreadable()).isZero();
    for (String path : List.of("pipe", "dangling", "loop", "empty")) {
      assertFails(sandbox.files().read(SandboxPath.workspace(path), 0, 10), Kind.NO_FILE);
    }
    await(sandbox.files().write(List.of(file("dangling", "now a file"))));
    assertThat(readFile("dangling")).isEqualTo("now a file");
  }

  @Test
  void countsWhatCannotBeRead() throws Exception {
    run("echo x >file; printf x >\"$(printf 'bad\\377name')\"; mkdir \"$(printf 'bad\\376folder')\"");
    Listing listing = await(sandbox.files().list(SandboxPath.workspace("")));
    assertThat(listing.files()).extracting(Entry::path).containsExactly("file");
    assertThat(listing.unreadable()).isEqualTo(2);
  }

  @Test
  void countsWhatMayNotBeRead() throws Exception {
    run("echo x >file; chmod 0 file; mkdir folder; echo x >folder/file; chmod 0 folder");
    boolean mayEverything = run("cat file").exitCode() == 0;
    Listing listing = await(sandbox.files().list(SandboxPath.workspace("")));
    assertThat(listing.files()).hasSize(mayEverything ? 2 : 0);
    assertThat(listing.unreadable()).isEqualTo(mayEverything ? 0 : 2);
    if (!mayEverything) {
      assertFails(sandbox.files().read(SandboxPath.workspace("file"), 0, 10), Kind.FAILED);
    }
  }

  @Test
  void leavesOutIgnoredNamesOfTheWorkspaceOnly() throws Exception {
    run("mkdir -p .git/objects a/node_modules/b a/.gitignored; echo x | tee .git/HEAD .git/objects/x a/node_modules/b/c a/.gitignored/d a/e;"
        + "mkdir \"$HOME/.git\"; echo x >\"$HOME/.git/HEAD\"; mkdir b; echo x >b/node_modules");
    assertThat(list()).containsExactly("a/.gitignored/d", "a/e");
    assertThat(await(sandbox.files().list(SandboxPath.home(".git"))).files()).extracting(Entry::path).containsExactly(".git/HEAD");
    assertThat(readFile(".git/HEAD")).isEqualTo("x\n");
  }

  @Test
  void listsOneFolder() throws Exception {
    await(sandbox.files().write(List.of(file("a/b", "12"), file("a/c/d", ""), file("e", ""))));
    List<Entry> entries = await(sandbox.files().list(SandboxPath.workspace("a"))).files();
    assertThat(entries).extracting(Entry::path).containsExactlyInAnyOrder("a/b", "a/c/d");
    assertThat(entries).allSatisfy(entry -> assertThat(await(sandbox.files().stat(SandboxPath.workspace(entry.path())))).isEqualTo(entry));
    assertThat(await(sandbox.files().list(SandboxPath.workspace("nothing"))).files()).isEmpty();
    assertThat(await(sandbox.files().list(SandboxPath.workspace("e"))).files()).isEmpty();
  }

  @Test
  void listsThousandsOfFiles() throws Exception {
    run("for d in 1 2 3 4 5 6 7 8 9 10; do mkdir $d; i=0; while [ $i -lt 300 ]; do : >$d/$i; i=$((i+1)); done; done");
    assertThat(list()).hasSize(3000).contains("1/0", "10/299");
  }
}

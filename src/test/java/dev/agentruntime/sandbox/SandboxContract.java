package dev.agentruntime.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.sandbox.SandboxException.Kind;
import dev.agentruntime.sandbox.SandboxProvider.SandboxInfo;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;

/**
 * What every sentence of the sandbox SPI promises, as tests. A provider's own test extends this and says how it is made. Sandboxes have to
 * have a shell and the usual commands of a Unix.
 */
public abstract class SandboxContract extends WatchContract {

  @Test
  void hasAName() {
    assertThat(provider.name()).matches("[a-z]+");
  }

  @Test
  void tellsWhatItIsDoing() throws Exception {
    List<String> progress = new CopyOnWriteArrayList<>();
    Sandbox made = await(provider.create(new SandboxSpec("a session", IGNORED), progress::add));
    assertThat(progress).isNotEmpty().allSatisfy(step -> assertThat(step).matches("[A-Z].*"));
    assertThat(made.id()).isNotEqualTo(sandbox.id());
  }

  @Test
  void beginsEmpty() throws Exception {
    assertThat(run("ls -A").stdout()).isEmpty();
    assertThat(list()).isEmpty();
  }

  @Test
  void listsItsSandboxes() throws Exception {
    long before = System.currentTimeMillis();
    Sandbox other = await(provider.create(new SandboxSpec("another session", IGNORED, "creation-1", "epoch-1", 1, SandboxNeeds.NOTHING),
        step -> { }));
    List<SandboxInfo> listed = await(provider.list());
    assertThat(listed).extracting(SandboxInfo::sandboxId).containsExactlyInAnyOrder(sandbox.id(), other.id());
    assertThat(listed).filteredOn(info -> info.sandboxId().equals(other.id())).singleElement().satisfies(info -> {
      assertThat(info.sessionId()).isEqualTo("another session");
      assertThat(info.creationId()).isEqualTo("creation-1");
      assertThat(info.createdAt()).isBetween(before - 60_000, System.currentTimeMillis() + 60_000);
    });
    assertThat(await(startProvider().list())).containsExactlyInAnyOrderElementsOf(listed);
  }

  @Test
  void findsASandboxAgain() throws Exception {
    write("file", "kept");
    run("mkdir .git; echo x >.git/HEAD");
    String workspace = sandbox.workspace();
    String home = sandbox.home();
    sandbox = restart();
    assertThat(sandbox.workspace()).isEqualTo(workspace);
    assertThat(sandbox.home()).isEqualTo(home);
    assertThat(readFile("file")).isEqualTo("kept");
    assertThat(list()).containsExactly("file");
    assertThat(run("cat file").stdout()).isEqualTo("kept");
  }

  @Test
  void leavesSandboxesAsTheyAreWhenClosed() throws Exception {
    SandboxProcess process = start("while read line; do echo $line; done");
    String processId = process.id();
    sandbox = restart();
    SandboxProcess again = await(sandbox.attach(processId));
    await(again.writeStdin(Buffer.buffer("still here\n")));
    Output output = new Output();
    again.readStdout(0, output);
    output.awaitText("still here\n");
  }

  @Test
  void endsASandbox() throws Exception {
    SandboxProcess process = start("echo output; exec sleep 600");
    Output output = new Output();
    Future<Void> reading = process.readStdout(0, output);
    output.awaitText("output");
    Future<Void> writing = process.writeStdin(Buffer.buffer(new byte[1_000_000]));
    write("file", "x");
    await(sandbox.terminate());
    assertThat(await(process.exit())).isIn(137, 143, -1);
    assertFails(writing, Kind.GONE);
    await(reading);
    assertThat(await(provider.list())).isEmpty();
    assertFails(provider.attach(sandbox.id(), 2), Kind.GONE);
    assertFails(sandbox.start(shell("true")), Kind.GONE);
    assertFails(sandbox.run(shell("true"), PATIENCE), Kind.GONE);
    assertFails(sandbox.attach(process.id()), Kind.GONE);
    assertFails(sandbox.files().list(SandboxPath.workspace("")), Kind.GONE);
    assertFails(sandbox.files().read(SandboxPath.workspace("file"), 0, 1), Kind.GONE);
    assertFails(sandbox.files().write(List.of(file("file", "y"))), Kind.GONE);
    assertFails(process.writeStdin(Buffer.buffer("x\n")), Kind.GONE);
    await(sandbox.terminate());
    await(provider.terminate(sandbox.id()));
  }

  @Test
  void endsASandboxThatAnEarlierProviderMade() throws Exception {
    SandboxProcess process = start("exec sleep 600");
    SandboxProvider other = startProvider();
    await(other.terminate(sandbox.id()));
    assertThat(await(other.list())).isEmpty();
    assertThat(await(process.exit())).isIn(137, 143, -1);
    assertFails(other.attach(sandbox.id(), 2), Kind.GONE);
    assertFails(sandbox.start(shell("true")), Kind.GONE);
    assertFails(sandbox.files().list(SandboxPath.workspace("")), Kind.GONE);
    assertFails(sandbox.files().stat(SandboxPath.workspace("file")), Kind.GONE);
    assertFails(sandbox.files().write(List.of(file("a/b", "x"))), Kind.GONE);
    await(sandbox.terminate());
  }

  @Test
  void endsWhatIsNotThere() throws Exception {
    await(provider.terminate("nothing"));
    await(provider.terminate("0123456789abcdef0123"));
    await(provider.terminate("../../etc"));
    await(provider.terminate(""));
    assertFails(provider.attach("nothing", 2), Kind.GONE);
    assertFails(provider.attach("../" + sandbox.id(), 2), Kind.GONE);
    assertThat(await(provider.list())).hasSize(1);
  }

  @Test
  void keepsSandboxesApart() throws Exception {
    SandboxProcess process = start("echo up; exec sleep 600");
    Output output = new Output();
    process.readStdout(0, output);
    output.awaitText("up");
    Sandbox other = create();
    await(other.files().write(List.of(file("file", "other"))));
    assertThat(list()).isEmpty();
    assertFails(other.attach(process.id()), Kind.GONE);
    await(other.terminate());
    assertThat(process.exit().isComplete()).isFalse();
    assertThat(run("echo alive").stdout()).isEqualTo("alive\n");
  }

  @Test
  void endsASandboxManyTimesAtOnce() throws Exception {
    start("exec sleep 600");
    await(Future.all(sandbox.terminate(), sandbox.terminate(), provider.terminate(sandbox.id())));
    assertThat(await(provider.list())).isEmpty();
  }
}

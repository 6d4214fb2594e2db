package dev.agentruntime.sandbox.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.sandbox.Output;
import dev.agentruntime.sandbox.ProcessSpec;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxProcess;
import dev.agentruntime.sandbox.SandboxSpec;
import dev.agentruntime.support.JavaProgram;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A server that is killed while its agent works, and the next one. */
@Execution(ExecutionMode.CONCURRENT)
class LocalSandboxCrashIT extends LocalSandboxFixture {

  /** Counts on without end, and answers lines. */
  private static final String AGENT = "(i=0; while :; do echo count $i; i=$((i+1)); sleep 0.01; done) & while read line; do echo got $line; done";

  @Test
  void continuesAtTheByteWhereTheKilledServerStood() throws Exception {
    Process server = startServer();
    String[] ids;
    StringBuilder seen = new StringBuilder();
    try (BufferedReader reader = server.inputReader()) {
      ids = ids(reader);
      for (int i = 0; i < 20; i++) {
        seen.append(reader.readLine()).append('\n');
      }
    } finally {
      server.destroyForcibly().waitFor();
    }
    assertThat(server.exitValue()).isEqualTo(137);

    Sandbox again = await(provider.attach(ids[0], 2));
    SandboxProcess process = await(again.attach(ids[1]));
    Output rest = new Output();
    Future<Void> reading = process.readStdout(seen.length(), rest);
    await(process.writeStdin(Buffer.buffer("hello\n")));
    rest.awaitText("got hello\n");
    int numbers = rest.text().split("\n").length;
    rest.await(text -> text.split("\n").length > numbers + 20);
    await(process.signal(SandboxProcess.Signal.TERM));
    assertThat(await(process.exit())).isEqualTo(143);
    await(reading);

    List<String> counted = (seen + rest.text()).lines().filter(line -> !line.equals("got hello")).toList();
    assertThat(counted).hasSizeGreaterThan(40);
    for (int i = 0; i < counted.size(); i++) {
      assertThat(counted.get(i)).isEqualTo("count " + i);
    }
  }

  @Test
  void findsAndEndsWhatAKilledServerLeft() throws Exception {
    Process server = startServer();
    String[] ids;
    try (BufferedReader reader = server.inputReader()) {
      ids = ids(reader);
      reader.readLine();
    } finally {
      server.destroyForcibly().waitFor();
    }
    Path directory = root.resolve(ids[0]);
    String keeper = Files.readString(directory.resolve("proc").resolve(ids[1]).resolve("pid")).split(" ")[0];
    assertThat(run("kill -0 " + keeper).exitCode()).isZero();
    assertThat(await(provider.list())).anySatisfy(info -> {
      assertThat(info.sandboxId()).isEqualTo(ids[0]);
      assertThat(info.sessionId()).isEqualTo("the session");
    });
    await(provider.terminate(ids[0]));
    awaitGone(keeper);
    assertThat(directory).doesNotExist();
  }

  private Process startServer() throws IOException {
    return new ProcessBuilder(JavaProgram.shortLived(Server.class.getName(), root.toString()))
        .redirectError(Redirect.INHERIT).start();
  }

  /** Skips what the server logs before. */
  private static String[] ids(BufferedReader reader) throws IOException {
    String line = reader.readLine();
    while (!line.startsWith("ids ")) {
      line = reader.readLine();
    }
    return line.substring("ids ".length()).split(" ");
  }

  /** Says which sandbox and process it made, and then what that process says. */
  static final class Server {
    public static void main(String[] args) throws Exception {
      LocalSandboxProvider provider = new LocalSandboxProvider(Path.of(args[0]));
      await(provider.start());
      Sandbox sandbox = await(provider.create(new SandboxSpec("the session", List.of()), step -> { }));
      SandboxProcess process = await(sandbox.start(new ProcessSpec(List.of("/bin/sh", "-c", AGENT), Map.of())));
      System.out.println("ids " + sandbox.id() + " " + process.id());
      await(process.readStdout(0, chunk -> {
        System.out.print(chunk);
        System.out.flush();
        return Future.succeededFuture();
      }));
    }
  }
}

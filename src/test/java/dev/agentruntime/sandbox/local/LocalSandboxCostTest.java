package dev.agentruntime.sandbox.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.sandbox.Output;
import dev.agentruntime.sandbox.SandboxProcess;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.buffer.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

/** What sandboxes of this machine cost the server. */
@Isolated("it counts threads and measures the heap")
class LocalSandboxCostTest extends LocalSandboxFixture {

  @Test
  void needsFewThreadsForManyProcesses() throws Exception {
    int before = Thread.activeCount();
    List<SandboxProcess> processes = new ArrayList<>();
    List<Output> outputs = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      SandboxProcess process = start("echo up; while read line; do echo $line; done");
      Output output = new Output();
      process.readStdout(0, output);
      processes.add(process);
      outputs.add(output);
    }
    for (Output output : outputs) {
      output.awaitText("up");
    }
    for (int i = 0; i < 300; i++) {
      await(processes.get(i).writeStdin(Buffer.buffer("hello " + i + "\n")));
    }
    for (int i = 0; i < 300; i++) {
      outputs.get(i).awaitText("hello " + i + "\n");
    }
    assertThat(Thread.activeCount() - before).isLessThan(60);
    await(sandbox.terminate());
    for (SandboxProcess process : processes) {
      assertThat(await(process.exit())).isEqualTo(137);
    }
  }

  /** A consumer that takes its time: what it has not asked for stays in the file. */
  @Test
  void readsAFloodWithoutKeepingIt() throws Exception {
    SandboxProcess process = start("head -c 50000000 /dev/zero");
    await(process.exit());
    AtomicLong bytes = new AtomicLong();
    AtomicLong outside = new AtomicLong();
    Runtime runtime = Runtime.getRuntime();
    System.gc();
    long before = runtime.totalMemory() - runtime.freeMemory();
    Promise<Void> gate = Promise.promise();
    Future<Void> reading = process.readStdout(0, chunk -> {
      outside.incrementAndGet();
      return bytes.addAndGet(chunk.length()) > 20_000_000 ? gate.future() : Future.succeededFuture();
    });
    while (bytes.get() <= 20_000_000) {
      Thread.onSpinWait();
    }
    System.gc();
    assertThat(runtime.totalMemory() - runtime.freeMemory() - before).isLessThan(10_000_000);
    gate.complete();
    await(reading);
    assertThat(bytes.get()).isEqualTo(50_000_000);
    assertThat(outside.get()).isGreaterThanOrEqualTo(50_000_000 / 262_144);
  }
}

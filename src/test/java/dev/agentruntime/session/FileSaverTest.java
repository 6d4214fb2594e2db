package dev.agentruntime.session;

import static dev.agentruntime.support.TestRuntime.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.config.Settings;
import dev.agentruntime.protocol.SessionEvent;
import dev.agentruntime.protocol.WorkspaceFile;
import dev.agentruntime.sandbox.Sandbox;
import dev.agentruntime.sandbox.SandboxFiles;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class FileSaverTest {

  private static final int MOST_READS = 100;

  private final List<Long> offsets = new ArrayList<>();

  /** Has one file, which grows as fast as it is read. */
  private final SandboxFiles files = proxy(SandboxFiles.class, arguments -> {
    offsets.add((Long) arguments[1]);
    return offsets.size() < MOST_READS ? Future.succeededFuture(Buffer.buffer(new byte[(int) arguments[2]])) : Future.failedFuture("still read");
  });
  private final Sandbox sandbox = proxy(Sandbox.class, arguments -> files);

  @Test
  void aFileThatGrowsWhileItIsReadIsReadNoFurtherThanItMayBeStored() throws Exception {
    Session session = new SessionRig().session;
    session.apply(new SessionEvent.FileCreated(new WorkspaceFile("endless", 1_000_000, 1, WorkspaceFile.Encoding.BASE64, null)));
    Settings.Workspace settings = new Settings.Workspace(0, 0, 5_000_000, 50_000_000, List.of());
    Vertx vertx = Vertx.vertx();
    try {
      FileSaver saver = new FileSaver(new Mailbox(vertx.getOrCreateContext(), session.id()), session, null, settings, () -> sandbox);
      saver.changed("endless");
      await(saver.save());
      assertThat(offsets).containsExactly(0L, 4L << 20);
      assertThat(saver.hasUnsaved()).isFalse();
    } finally {
      await(vertx.close());
    }
  }

  private interface Answer {
    Object to(Object[] arguments);
  }

  private static <T> T proxy(Class<T> type, Answer answer) {
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> answer.to(arguments)));
  }
}

package dev.agentruntime.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import dev.agentruntime.support.JavaProgram;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The contract as others have it: from the jars alone, for an adapter that this project does not know. */
class ContractJarIT {

  private static final String ADAPTER_AND_TEST = """
      import dev.agentruntime.persistence.*;
      import dev.agentruntime.persistence.memory.InMemoryPersistence;
      import java.io.PrintWriter;
      import java.lang.reflect.Proxy;
      import org.junit.platform.launcher.core.*;
      import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
      import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

      public class ProveMyStore {

        public static class GoodTest extends PersistenceContract {
          @Override
          protected PersistenceAdapter open() {
            return new InMemoryPersistence();
          }
        }

        /** Forgets who the owner is. */
        public static class BadTest extends PersistenceContract {
          @Override
          protected PersistenceAdapter open() {
            PersistenceAdapter good = new InMemoryPersistence();
            return (PersistenceAdapter) Proxy.newProxyInstance(getClass().getClassLoader(), new Class<?>[] {PersistenceAdapter.class},
                (proxy, method, arguments) -> {
                  if (method.getName().equals("loadSession")) {
                    return good.inspectSession((String) arguments[0]);
                  }
                  return method.invoke(good, arguments);
                });
          }
        }

        public static void main(String[] arguments) throws Exception {
          for (Class<?> test : new Class<?>[] {GoodTest.class, BadTest.class, Class.forName("dev.agentruntime.examples.FolderPersistenceTest")}) {
            var summary = new SummaryGeneratingListener();
            var launcher = LauncherFactory.create();
            launcher.execute(LauncherDiscoveryRequestBuilder.request().selectors(selectClass(test)).build(), summary);
            System.out.println(test.getSimpleName() + " " + (summary.getSummary().getTestsFoundCount() > 50) + " "
                + summary.getSummary().getTestsFailedCount());
            summary.getSummary().printFailuresTo(new PrintWriter(System.err), 2);
          }
          System.exit(0);
        }
      }
      """;

  @TempDir
  Path folder;

  @Test
  void anotherProjectProvesItsStoreWithIt() throws Exception {
    Path source = Files.writeString(folder.resolve("ProveMyStore.java"), ADAPTER_AND_TEST);
    Process process = new ProcessBuilder(JavaProgram.java(), "-Xmx1g",
        "-cp", String.join(File.pathSeparator, jars()), source.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).isZero();
    List<String> results = printed.lines().filter(line -> line.matches("\\w+Test (true|false) \\d+")).toList();
    assertThat(results).hasSize(3).contains("GoodTest true 0", "FolderPersistenceTest true 0");
    assertThat(results.get(1)).as("an adapter that does not keep it").startsWith("BadTest true ").doesNotEndWith(" 0");
  }

  /** The two jars, what the program needs, and the test libraries that whoever uses the contract has. */
  private static List<String> jars() throws IOException {
    List<String> jars = new ArrayList<>(List.of("target/agent-runtime.jar", "target/agent-runtime-tests.jar", "target/lib/*"));
    assertThat(jars.subList(0, 2)).allSatisfy(jar -> assertThat(Path.of(jar)).exists());
    Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(jar -> jar.matches(".*/(junit-|assertj-|opentest4j-|apiguardian-|byte-buddy-)[^/]*\\.jar")).forEach(jars::add);
    return jars;
  }
}

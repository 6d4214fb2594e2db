package dev.agentruntime.agent.demo;

import com.fasterxml.jackson.core.JsonFactory;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarInputStream;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;

/** The demo agent as one file, for machines that the runtime is not on. They need no more than a Java runtime, 21 or later. */
public final class DemoProgram {

  public static final String FILE = "demo-agent.jar";

  /** Of Debian. */
  public static final List<String> SYSTEM_PACKAGES = List.of("openjdk-21-jre-headless");

  private static final List<Class<?>> PARTS = List.of(DemoAgent.class, JsonFactory.class);
  private static byte[] jar;

  private DemoProgram() {}

  /** @param folder absolute path of the folder that the {@link #jar} is in, under its name {@link #FILE} */
  public static List<String> command(String folder) {
    List<String> command = new ArrayList<>(List.of("java"));
    command.addAll(DemoAgent.JVM_OPTIONS);
    command.addAll(List.of("-cp", folder + "/" + FILE, DemoAgent.class.getName()));
    return command;
  }

  /** The classes of the demo agent and what it reads JSON with: made when first asked for, never to be written to. Blocks then. */
  public static synchronized byte[] jar() {
    if (jar == null) {
      var bytes = new ByteArrayOutputStream();
      try (var out = new JarOutputStream(bytes)) {
        for (Class<?> part : PARTS) {
          copy(Path.of(part.getProtectionDomain().getCodeSource().getLocation().toURI()), part.getPackageName().replace('.', '/') + "/", out);
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (URISyntaxException e) {
        throw new IllegalStateException("the demo agent's classes were not found", e);
      }
      jar = bytes.toByteArray();
    }
    return jar;
  }

  private static void copy(Path source, String folder, JarOutputStream out) throws IOException {
    if (Files.isDirectory(source)) {
      try (Stream<Path> files = Files.walk(source.resolve(folder))) {
        for (Path file : files.filter(Files::isRegularFile).toList()) {
          add(source.relativize(file).toString().replace('\\', '/'), Files.newInputStream(file), out);
        }
      }
      return;
    }
    try (var in = new JarInputStream(Files.newInputStream(source))) {
      for (JarEntry entry = in.getNextJarEntry(); entry != null; entry = in.getNextJarEntry()) {
        if (!entry.isDirectory() && entry.getName().startsWith(folder)) {
          add(entry.getName(), new ByteArrayInputStream(in.readAllBytes()), out);
        }
      }
    }
  }

  private static void add(String name, InputStream content, JarOutputStream out) throws IOException {
    try (content) {
      out.putNextEntry(new JarEntry(name));
      content.transferTo(out);
      out.closeEntry();
    }
  }
}

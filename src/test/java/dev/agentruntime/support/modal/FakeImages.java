package dev.agentruntime.support.modal;

import com.google.protobuf.ByteString;
import dev.agentruntime.sandbox.modal.proto.GenericResult;
import dev.agentruntime.sandbox.modal.proto.GenericResult.GenericStatus;
import dev.agentruntime.sandbox.modal.proto.Image;
import dev.agentruntime.sandbox.modal.proto.ImageGetOrCreateRequest;
import dev.agentruntime.sandbox.modal.proto.ImageJoinStreamingResponse;
import dev.agentruntime.sandbox.modal.proto.ImageMetadata;
import dev.agentruntime.sandbox.modal.proto.TaskLogs;
import io.vertx.core.Vertx;
import io.vertx.grpc.common.GrpcStatus;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Images by content. Of one that is made from a registry's the commands are logged and not run, but for {@code ENV} and {@code WORKDIR}: what
 * it would have in it is this machine's, or {@linkplain FakeModal#program provided}. One that is made from another of these, or is sent files,
 * is really built, in a container. On the event loop.
 */
final class FakeImages {

  private static final long LINE_MILLIS = 2;

  private final Vertx vertx;
  private final Map<ByteString, FakeImage> byContent = new HashMap<>();
  private final Map<String, FakeImage> byId = new LinkedHashMap<>();
  private final Containers containers;
  private final Map<String, String> registry = new HashMap<>();
  private Outcome next;

  /**
   * @param steps that are begun
   * @param said by the last of them
   */
  private record Outcome(GenericStatus status, int steps, String said) {}

  /** For what is really built. */
  interface Containers {
    /** Where the folder of an image can be. */
    Path directory();

    /** Blocks. @param directory with the {@code root} that the container begins with */
    Container start(Path directory) throws IOException;
  }

  /** An image, built or being built. */
  static final class FakeImage {
    final String id;
    final List<String> commands;
    final Map<String, String> environment = new LinkedHashMap<>();
    String workdir = "/";
    /** What lies in it beside this machine's programs, or {@code null}. */
    Path files;
    private final List<String> log = new ArrayList<>();
    private final List<Runnable> readers = new ArrayList<>();
    private GenericResult result;

    FakeImage(String id, List<String> commands) {
      this.id = id;
      this.commands = List.copyOf(commands);
    }
  }

  FakeImages(Vertx vertx, Containers containers) {
    this.vertx = vertx;
    this.containers = containers;
  }

  /** @param said by the last step, in the log and, as Modal does it, not in the result */
  void failNext(GenericStatus status, String said) {
    next = new Outcome(status, Integer.MAX_VALUE, said);
  }

  void variable(String name, String value) {
    registry.put(name, value);
  }

  List<List<String>> built() {
    return byId.values().stream().map(image -> image.commands).toList();
  }

  FakeImage getOrCreate(ImageGetOrCreateRequest request) {
    ByteString content = request.getImage().toByteString().concat(ByteString.copyFromUtf8(request.getBuilderVersion()));
    FakeImage known = byContent.get(content);
    boolean failed = known != null && known.result != null && known.result.getStatus() != GenericStatus.GENERIC_STATUS_SUCCESS;
    if (known == null || failed || request.getForceBuild()) {
      known = create(request.getImage());
      byContent.put(content, known);
    }
    return known;
  }

  private FakeImage create(Image definition) {
    if (definition.getDockerfileCommandsList().isEmpty()) {
      throw new Refusal(GrpcStatus.INVALID_ARGUMENT, "an image needs commands");
    }
    FakeImage image = new FakeImage(Ids.of("im-"), definition.getDockerfileCommandsList());
    image.environment.putAll(registry);
    definition.getBaseImagesList().forEach(base -> {
      FakeImage parent = built(base.getImageId());
      image.environment.putAll(parent.environment);
      image.workdir = parent.workdir;
      image.files = parent.files;
    });
    for (String command : image.commands) {
      String[] words = command.strip().split("\\s+", 2);
      switch (words[0]) {
        case "WORKDIR" -> image.workdir = words[1];
        case "ENV" -> environment(image, words[1]);
        default -> { }
      }
    }
    byId.put(image.id, image);
    Outcome outcome = next == null ? new Outcome(GenericStatus.GENERIC_STATUS_SUCCESS, Integer.MAX_VALUE, "") : next;
    next = null;
    boolean real = definition.getBaseImagesCount() > 0 || definition.getContextFilesCount() > 0;
    if (outcome.status() != GenericStatus.GENERIC_STATUS_SUCCESS || !real) {
      build(image, 0, outcome);
    } else {
      Path below = image.files;
      vertx.executeBlocking(() -> FakeBuild.run(containers, image, below, definition.getContextFilesList())).onSuccess(built -> {
        image.files = built;
        build(image, 0, outcome);
      }).onFailure(e -> build(image, 0, new Outcome(GenericStatus.GENERIC_STATUS_FAILURE,
          e instanceof FakeBuild.StepFailed failed ? failed.step + 1 : 0, e.getMessage())));
    }
    return image;
  }

  private static void environment(FakeImage image, String assignments) {
    if (assignments.matches("\\w+=.*")) {
      for (String assignment : assignments.split("\\s+(?=\\w+=)")) {
        int equals = assignment.indexOf('=');
        image.environment.put(assignment.substring(0, equals), assignment.substring(equals + 1).replaceAll("^\"|\"$", ""));
      }
    } else {
      String[] words = assignments.split("\\s+", 2);
      image.environment.put(words[0], words[1]);
    }
  }

  /** A line of the log for each command, then the result. */
  private void build(FakeImage image, int step, Outcome outcome) {
    vertx.setTimer(LINE_MILLIS, timer -> {
      if (step < Math.min(outcome.steps(), image.commands.size())) {
        image.log.add("=> Step " + step + ": " + image.commands.get(step) + "\n");
        build(image, step + 1, outcome);
      } else {
        if (outcome.status() != GenericStatus.GENERIC_STATUS_SUCCESS) {
          image.log.add(outcome.said() + "\nTerminating task due to error: the command failed\n");
        }
        image.result = GenericResult.newBuilder().setStatus(outcome.status()).build();
      }
      List.copyOf(image.readers).forEach(Runnable::run);
    });
  }

  /** As a snapshot makes it. @param files its own files */
  FakeImage snapshot(FakeImage of, Path files) {
    FakeImage image = new FakeImage(Ids.of("im-"), of.commands);
    image.environment.putAll(of.environment);
    image.workdir = of.workdir;
    image.files = files;
    image.result = GenericResult.newBuilder().setStatus(GenericStatus.GENERIC_STATUS_SUCCESS).build();
    byId.put(image.id, image);
    return image;
  }

  void forget() {
    byContent.clear();
    byId.clear();
  }

  FakeImage get(String id) {
    FakeImage image = byId.get(id);
    if (image == null) {
      throw new Refusal(GrpcStatus.NOT_FOUND, "Could not find image with ID " + id);
    }
    return image;
  }

  FakeImage built(String id) {
    FakeImage image = get(id);
    if (image.result == null || image.result.getStatus() != GenericStatus.GENERIC_STATUS_SUCCESS) {
      throw new Refusal(GrpcStatus.FAILED_PRECONDITION, "image " + id + " is not built");
    }
    return image;
  }

  /** Unset while it is being built. */
  static GenericResult result(FakeImage image) {
    return image.result == null ? GenericResult.getDefaultInstance() : image.result;
  }

  static ImageMetadata metadata(FakeImage image) {
    return ImageMetadata.newBuilder().setWorkdir(image.workdir).build();
  }

  /** The log from an entry on, and the result, for so long as the client wants to wait. */
  void join(String id, String lastEntry, float seconds, AnswerStream<ImageJoinStreamingResponse> answers) {
    FakeImage image = get(id);
    int[] sent = {lastEntry.isEmpty() ? 0 : Integer.parseInt(lastEntry)};
    Runnable reader = () -> {
      while (sent[0] < image.log.size() && !answers.isOver()) {
        String line = image.log.get(sent[0]++);
        answers.write(ImageJoinStreamingResponse.newBuilder().setEntryId(Integer.toString(sent[0]))
            .addTaskLogs(TaskLogs.newBuilder().setData(line)).build(), line.length());
      }
      if (image.result != null) {
        answers.write(ImageJoinStreamingResponse.newBuilder().setResult(image.result).setMetadata(metadata(image)).build(), 0);
        answers.end();
      }
    };
    long timer = vertx.setTimer(Math.max(1, (long) (seconds * 1000)), due -> answers.end());
    image.readers.add(reader);
    answers.onEnd(() -> {
      image.readers.remove(reader);
      vertx.cancelTimer(timer);
    });
    reader.run();
  }
}

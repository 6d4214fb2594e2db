package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.AgentArchitecture;
import dev.agentruntime.agent.AgentProfile;
import dev.agentruntime.persistence.SessionRecord;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.CreateSession;
import dev.agentruntime.protocol.CreateSession.InitialFile;
import dev.agentruntime.protocol.ErrorCode;
import dev.agentruntime.protocol.Json;
import dev.agentruntime.protocol.WorkspaceFile;
import dev.agentruntime.sandbox.SandboxException;
import dev.agentruntime.sandbox.SandboxPath;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.UUID;

/** Makes the record of a new session and stores the files that its workspace starts with. No sandbox is made. Thread-safe. */
final class SessionCreation {

  private final Services services;
  private volatile boolean closed;

  SessionCreation(Services services) {
    this.services = services;
  }

  /** Repeats nothing any more. */
  void close() {
    closed = true;
  }

  Future<SessionRecord> create(CreateSession request) {
    if (request.agentProfileRef() == null || request.agentProfileRef().isBlank()) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "A session needs an agentProfileRef.",
          List.of(new ApiException.Detail("/agentProfileRef", "is required")));
    }
    return services.profiles().get(request.agentProfileRef()).compose(profile -> {
      AgentArchitecture architecture = architecture(request, profile);
      ObjectNode options = Json.object();
      if (profile.sessionOptions() != null) {
        options.setAll(profile.sessionOptions());
      }
      if (request.sessionOptions() != null) {
        options.setAll(request.sessionOptions());
      }
      architecture.validateOptions(options);
      Map<String, Buffer> files = files(profile.defaultWorkspaceFiles(), request.defaultWorkspaceFiles());
      long now = services.clock().millis();
      SessionRecord record = new SessionRecord(UUID.randomUUID().toString(), architecture.type(), profile.id(), request.name(), now, now,
          options, request.metadata(), null);
      return store(record, files).map(record);
    });
  }

  private AgentArchitecture architecture(CreateSession request, AgentProfile profile) {
    String type = request.architecture() == null ? profile.architecture() : request.architecture();
    AgentArchitecture architecture = services.architectures().get(type);
    if (architecture == null) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "This server runs no agents of type " + type + ".",
          List.of(new ApiException.Detail("/architecture", "is not one of " + services.architectures().keySet())));
    }
    return architecture;
  }

  private Map<String, Buffer> files(List<InitialFile> ofProfile, List<InitialFile> ofRequest) {
    List<ApiException.Detail> wrong = new ArrayList<>();
    Map<String, Buffer> files = new LinkedHashMap<>();
    ofProfile.forEach(file -> files.put(file.path(), content(file)));
    List<InitialFile> wanted = ofRequest == null ? List.of() : ofRequest;
    for (int i = 0; i < wanted.size(); i++) {
      try {
        files.put(SandboxPath.workspace(wanted.get(i).path()).relative(), content(wanted.get(i)));
      } catch (SandboxException e) {
        wrong.add(new ApiException.Detail("/defaultWorkspaceFiles/" + i + "/path", "is not a path inside the workspace"));
      } catch (IllegalArgumentException e) {
        wrong.add(new ApiException.Detail("/defaultWorkspaceFiles/" + i + "/content", "is not Base64"));
      }
    }
    if (wrong.isEmpty()) {
      checkPlaces(wanted, new TreeSet<>(files.keySet()), wrong);
    }
    if (!wrong.isEmpty()) {
      throw new ApiException(ErrorCode.INVALID_REQUEST, "The workspace files cannot be used.", wrong);
    }
    return files;
  }

  private void checkPlaces(List<InitialFile> wanted, NavigableSet<String> all, List<ApiException.Detail> wrong) {
    for (int i = 0; i < wanted.size(); i++) {
      String path = wanted.get(i).path();
      String place = "/defaultWorkspaceFiles/" + i + "/path";
      try {
        FilePlaces.check(path, all);
        if (Arrays.stream(path.split("/")).anyMatch(services.settings().workspace().ignore()::contains)) {
          wrong.add(new ApiException.Detail(place, "is in a folder that is not part of the workspace"));
        }
      } catch (SandboxException e) {
        wrong.add(new ApiException.Detail(place, "cannot be used: " + e.getMessage()));
      }
    }
  }

  private static Buffer content(InitialFile file) {
    return Buffer.buffer(file.encoding() == WorkspaceFile.Encoding.BASE64
        ? Base64.getDecoder().decode(file.content())
        : file.content().getBytes(StandardCharsets.UTF_8));
  }

  /** All or nothing: a session whose files could not be stored is erased again. */
  private Future<Void> store(SessionRecord record, Map<String, Buffer> files) {
    String epoch = UUID.randomUUID().toString();
    Future<Void> stored = SessionStore.measured(services.metrics(), () -> services.persistence().createSessionRecord(record, epoch));
    Future<Void> withFiles = stored;
    for (Map.Entry<String, Buffer> file : files.entrySet()) {
      withFiles = withFiles.compose(v -> services.persistence()
          .saveWorkspaceFile(record.sessionId(), epoch, file.getKey(), record.createdAt(), file.getValue()));
    }
    return withFiles.recover(failure -> erase(record.sessionId(), epoch, 1).transform(v -> Future.failedFuture(failure)));
  }

  /** Done after the first attempt. While the store is away it is repeated: what it did not answer may be there, or may yet come. */
  private Future<Void> erase(String sessionId, String epoch, int attempt) {
    return SessionStore.measured(services.metrics(), () -> services.persistence().deleteSession(sessionId, epoch)).onFailure(failure -> {
      if (SessionSync.mayWorkLater(failure) && !closed) {
        services.vertx().setTimer(Outage.pauseMs(attempt, services.settings().syncIntervalMs()),
            timer -> erase(sessionId, epoch, attempt + 1));
      }
    });
  }
}

package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.agent.AgentProfile;
import dev.agentruntime.agent.InvalidProfileException;
import dev.agentruntime.agent.ProfileLoader;
import dev.agentruntime.agent.SecretFields;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.StoredProfile;
import dev.agentruntime.protocol.AgentProfileDetails;
import dev.agentruntime.protocol.AgentProfileInfo;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Predicate;

/**
 * The agent profiles that can be run: those of the store, over those from files. Only those of the store can be changed. Thread-safe.
 */
public final class Profiles {

  /** How often a change is tried anew because another one came between its look at the store and its write. */
  private static final int MAX_ATTEMPTS = 10;

  private final Map<String, AgentProfile> fromFiles;
  private final PersistenceAdapter store;
  private final Map<String, String> variables;
  private final Set<String> architectures;

  /**
   * @param variables what profiles of the store may refer to of the server's environment
   * @param architectures what agents there are, by their types
   */
  public Profiles(Map<String, AgentProfile> fromFiles, PersistenceAdapter store, Map<String, String> variables, Set<String> architectures) {
    this.fromFiles = new LinkedHashMap<>(fromFiles);
    this.store = store;
    this.variables = Map.copyOf(variables);
    this.architectures = new TreeSet<>(architectures);
  }

  /** Also those that cannot be run as they are: who wants to mend them has to find them. */
  Future<List<AgentProfileInfo>> list() {
    return store.listAgentProfiles().map(stored -> {
      Map<String, AgentProfileInfo> profiles = new LinkedHashMap<>();
      fromFiles.forEach((id, profile) -> profiles.put(id, new AgentProfileInfo(id, profile.name(), profile.description())));
      stored.forEach(profile -> profiles.put(profile.id(),
          new AgentProfileInfo(profile.id(), text(profile, "name"), text(profile, "description"))));
      return new ArrayList<>(profiles.values());
    });
  }

  /** To be run. Fails with {@code PROFILE_NOT_FOUND}, or {@code INVALID_REQUEST} if it cannot be. */
  Future<AgentProfile> get(String id) {
    return store.loadAgentProfile(id).map(stored -> {
      if (stored.isPresent()) {
        return parse(id, stored.get().document(), "The agent profile " + id + " cannot be used");
      }
      if (!fromFiles.containsKey(id)) {
        throw notFound(id);
      }
      return fromFiles.get(id);
    });
  }

  /** To be shown. Fails with {@code PROFILE_NOT_FOUND}. */
  Future<AgentProfileDetails> details(String id) {
    return store.loadAgentProfile(id).map(stored -> {
      if (stored.isPresent()) {
        return details(stored.get());
      }
      AgentProfile profile = fromFiles.get(id);
      if (profile == null) {
        throw notFound(id);
      }
      return new AgentProfileDetails(id, profile.name(), profile.description(), AgentProfileDetails.Source.FILE, null, null);
    });
  }

  /**
   * Creates or replaces a profile of the store. Fails with {@code INVALID_REQUEST} and everything that is wrong with the document, with
   * {@code CONFLICT} if the id is that of a file's profile.
   *
   * @param condition what the stored version has to be, {@code null} standing for none
   * @return empty, and nothing is changed, if it is another
   */
  Future<Optional<SavedProfile>> save(String id, ObjectNode document, Predicate<String> condition) {
    return change(id, condition, MAX_ATTEMPTS, stored -> {
      ObjectNode old = stored == null ? null : stored.document();
      // Looked at before and after: what is to be restored has its place only in a valid document.
      if (!architectures.contains(parse(id, document, "The profile is not valid").architecture())) {
        throw refusal("The profile is not valid", List.of(new ApiException.Detail("/architecture", "is not one of " + architectures)));
      }
      StoredProfile next = new StoredProfile(id, UUID.randomUUID().toString(), restored(document, old));
      parse(id, next.document(), "The profile is not valid");
      return store.saveAgentProfile(next, stored == null ? null : stored.version()).map(v -> new SavedProfile(details(next), stored == null));
    });
  }

  /**
   * Deletes a profile of the store. Fails with {@code PROFILE_NOT_FOUND}, or {@code CONFLICT} as {@link #save} does.
   *
   * @return false, and nothing is changed, if the stored version is another
   */
  Future<Boolean> delete(String id, Predicate<String> condition) {
    return change(id, condition, MAX_ATTEMPTS, stored -> {
      if (stored == null) {
        throw notFound(id);
      }
      return store.deleteAgentProfile(id, stored.version()).map(stored);
    }).map(Optional::isPresent);
  }

  private interface Change<T> {
    /** @param stored {@code null} if there is none */
    Future<T> apply(StoredProfile stored);
  }

  private <T> Future<Optional<T>> change(String id, Predicate<String> condition, int attempts, Change<T> change) {
    return store.loadAgentProfile(id).compose(found -> {
      StoredProfile stored = found.orElse(null);
      if (stored == null && fromFiles.containsKey(id)) {
        throw new ApiException(ErrorCode.CONFLICT,
            "The agent profile " + id + " comes from a file of the server and cannot be changed here; save it under another id.");
      }
      if (!condition.test(stored == null ? null : stored.version())) {
        return Future.succeededFuture(Optional.<T>empty());
      }
      return change.apply(stored).map(Optional::of);
    }).recover(failure -> attempts > 1 && failure instanceof PersistenceException e && e.kind() == PersistenceException.Kind.CONFLICT
        ? change(id, condition, attempts - 1, change)
        : Future.failedFuture(failure));
  }

  private AgentProfile parse(String id, ObjectNode document, String otherwise) {
    try {
      return ProfileLoader.parse(id, document, variables);
    } catch (InvalidProfileException e) {
      throw refusal(otherwise, e.problems());
    }
  }

  private static ObjectNode restored(ObjectNode document, ObjectNode stored) {
    try {
      return SecretFields.restore(document, stored);
    } catch (InvalidProfileException e) {
      throw refusal("The profile is not valid", e.problems());
    }
  }

  private static ApiException refusal(String sentence, List<ApiException.Detail> problems) {
    ApiException.Detail first = problems.getFirst();
    return new ApiException(ErrorCode.INVALID_REQUEST,
        sentence + ": " + (first.path().isEmpty() ? "it" : first.path()) + " " + first.message() + ".", problems);
  }

  private static AgentProfileDetails details(StoredProfile stored) {
    return new AgentProfileDetails(stored.id(), text(stored, "name"), text(stored, "description"), AgentProfileDetails.Source.STORE,
        stored.version(), SecretFields.hide(stored.document()));
  }

  private static String text(StoredProfile stored, String field) {
    return stored.document().path(field).asText(null);
  }

  private static ApiException notFound(String id) {
    return new ApiException(ErrorCode.PROFILE_NOT_FOUND, "There is no agent profile " + id + ".");
  }
}

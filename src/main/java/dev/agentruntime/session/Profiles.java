package dev.agentruntime.session;

import dev.agentruntime.agent.AgentProfile;
import dev.agentruntime.persistence.PersistenceAdapter;
import dev.agentruntime.persistence.StoredProfile;
import dev.agentruntime.protocol.ApiException;
import dev.agentruntime.protocol.ErrorCode;
import io.vertx.core.Future;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The agent profiles that can be run: those of the store, over those from files. */
public final class Profiles {

  private final Map<String, AgentProfile> fromFiles;
  private final PersistenceAdapter store;
  private final Function<StoredProfile, AgentProfile> reader;

  /** @param reader makes a profile of a stored document; throws what is wrong with it */
  public Profiles(Map<String, AgentProfile> fromFiles, PersistenceAdapter store, Function<StoredProfile, AgentProfile> reader) {
    this.fromFiles = new LinkedHashMap<>(fromFiles);
    this.store = store;
    this.reader = reader;
  }

  Future<List<AgentProfile>> list() {
    return store.listAgentProfiles().map(stored -> {
      Map<String, AgentProfile> profiles = new LinkedHashMap<>(fromFiles);
      stored.forEach(document -> profiles.put(document.id(), reader.apply(document)));
      return new ArrayList<>(profiles.values());
    });
  }

  /** Fails with {@code PROFILE_NOT_FOUND}. */
  Future<AgentProfile> get(String id) {
    return store.loadAgentProfile(id).map(stored -> {
      AgentProfile profile = stored.map(reader).orElse(fromFiles.get(id));
      if (profile == null) {
        throw new ApiException(ErrorCode.PROFILE_NOT_FOUND, "There is no agent profile " + id + ".");
      }
      return profile;
    });
  }
}

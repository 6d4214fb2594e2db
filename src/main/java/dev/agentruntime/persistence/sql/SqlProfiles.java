package dev.agentruntime.persistence.sql;

import dev.agentruntime.persistence.PersistenceException;
import dev.agentruntime.persistence.PersistenceException.Kind;
import dev.agentruntime.persistence.StoredProfile;
import dev.agentruntime.protocol.Json;
import io.vertx.core.Future;
import io.vertx.sqlclient.Row;
import io.vertx.sqlclient.Tuple;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** Agent profiles: the table {@code profile}. */
final class SqlProfiles {

  private static final String LIST = "SELECT id, version, document FROM profile ORDER BY id";
  private static final String FIND = "SELECT id, version, document FROM profile WHERE id = ?";
  private static final String VERSION = "SELECT version FROM profile WHERE id = ?";
  private static final String CREATE = "INSERT INTO profile (id, version, document) VALUES (?, ?, ?)";
  private static final String REPLACE = "UPDATE profile SET version = ?, document = ? WHERE id = ? AND version = ?";
  private static final String DELETE = "DELETE FROM profile WHERE id = ? AND version = ?";

  private final SqlDatabase database;

  SqlProfiles(SqlDatabase database) {
    this.database = database;
  }

  Future<List<StoredProfile>> list() {
    return database.read(LIST, Tuple.tuple()).map(rows -> {
      List<StoredProfile> profiles = new ArrayList<>();
      rows.forEach(row -> profiles.add(profile(row)));
      return profiles;
    });
  }

  Future<Optional<StoredProfile>> find(String id) {
    return database.read(FIND, Tuple.of(id))
        .map(rows -> rows.size() == 0 ? Optional.empty() : Optional.of(profile(rows.iterator().next())));
  }

  private StoredProfile profile(Row row) {
    SqlDialect dialect = database.dialect();
    return new StoredProfile(SessionRows.text(dialect, row, 0), SessionRows.text(dialect, row, 1), SessionRows.object(dialect, row, 2));
  }

  Future<Void> save(StoredProfile profile, String expectedVersion) {
    String document = Json.text(profile.document());
    if (expectedVersion == null) {
      return database.write(CREATE, Tuple.of(profile.id(), profile.version(), document)).<Void>mapEmpty()
          .recover(failure -> failure instanceof PersistenceException refused && refused.kind() == Kind.CONFLICT
              ? accept(profile.id(), profile.version())
              : Future.failedFuture(failure));
    }
    return database.write(REPLACE, Tuple.of(profile.version(), document, profile.id(), expectedVersion)).compose(replaced ->
        replaced.rowCount() == 1
            ? Future.succeededFuture()
            : accept(profile.id(), profile.version()));
  }

  Future<Void> delete(String id, String expectedVersion) {
    return database.write(DELETE, Tuple.of(id, expectedVersion)).compose(deleted ->
        deleted.rowCount() == 1 ? Future.succeededFuture() : accept(id, null));
  }

  /** Whether a write that found another version than it expected has nothing left to do. @param wanted {@code null} for no profile */
  private Future<Void> accept(String id, String wanted) {
    return database.read(VERSION, Tuple.of(id)).compose(rows -> {
      String stored = rows.size() == 0 ? null : SessionRows.text(database.dialect(), rows.iterator().next(), 0);
      return Objects.equals(stored, wanted)
          ? Future.succeededFuture()
          : Future.failedFuture(new PersistenceException(Kind.CONFLICT, "the profile is not of the expected version"));
    });
  }
}

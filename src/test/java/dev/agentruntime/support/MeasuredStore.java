package dev.agentruntime.support;

import dev.agentruntime.persistence.PersistenceAdapter;
import java.util.function.LongSupplier;

/** @param writtenBytes what the store has written so far, to compare with later */
public record MeasuredStore(String name, PersistenceAdapter adapter, LongSupplier writtenBytes) {}

package dev.agentruntime.session;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Block;
import dev.agentruntime.protocol.Json;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The blocks of one conversation in the order of their starts. Every block starts once and ends once; what does not fit is refused. */
final class Conversation {

  private static final class Entry {
    Block block;
    /** What a block that streams has got so far, while it is open. */
    GrowingText text;
    boolean open = true;
    /** What it counts for in the session's size. */
    long bytes;

    Entry(Block block) {
      this.block = block;
      this.text = block.streams() ? new GrowingText(block.text()) : null;
    }

    Block current() {
      return open && text != null ? block.withText(text.toString()) : block;
    }

    Object state() {
      return open && text != null ? new SnapshotState.Open(block.withText(""), text.now()) : block;
    }
  }

  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private final SessionSize size;

  /** @param size told how it changes */
  Conversation(SessionSize size) {
    this.size = size;
  }

  boolean knows(String blockId) {
    return entries.containsKey(blockId);
  }

  boolean isOpen(String blockId) {
    Entry entry = entries.get(blockId);
    return entry != null && entry.open;
  }

  boolean start(Block block) {
    Entry started = new Entry(block);
    if (entries.putIfAbsent(block.id(), started) != null) {
      return false;
    }
    count(started, SessionSize.of(block));
    return true;
  }

  boolean append(String blockId, String delta) {
    Entry entry = entries.get(blockId);
    if (entry == null || !entry.open || entry.text == null) {
      return false;
    }
    entry.text.append(delta);
    count(entry, entry.bytes + delta.length());
    return true;
  }

  boolean update(String blockId, ObjectNode updates) {
    Entry entry = entries.get(blockId);
    if (entry == null || !entry.open) {
      return false;
    }
    try {
      entry.block = merged(entry.current(), updates);
      count(entry, SessionSize.of(entry.block));
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  boolean complete(Block block) {
    Entry entry = entries.get(block.id());
    if (entry == null || !entry.open) {
      return false;
    }
    entry.block = block;
    entry.text = null;
    entry.open = false;
    count(entry, SessionSize.of(block));
    return true;
  }

  boolean remove(String blockId) {
    Entry entry = entries.get(blockId);
    if (entry == null || !entry.open) {
      return false;
    }
    entries.remove(blockId);
    count(entry, SessionSize.ofId(blockId));
    return true;
  }

  private void count(Entry entry, long bytes) {
    size.add(bytes - entry.bytes);
    entry.bytes = bytes;
  }

  /** The block as it is now. */
  Block get(String blockId) {
    return entries.get(blockId).current();
  }

  List<Block> open() {
    return entries.values().stream().filter(entry -> entry.open).map(Entry::current).toList();
  }

  List<Block> blocks() {
    List<Block> blocks = new ArrayList<>(entries.size());
    entries.values().forEach(entry -> blocks.add(entry.current()));
    return blocks;
  }

  /** The blocks as they are now, for a {@link SnapshotState}. */
  List<Object> state() {
    List<Object> blocks = new ArrayList<>(entries.size());
    entries.values().forEach(entry -> blocks.add(entry.state()));
    return blocks;
  }

  /** The block with another timestamp. */
  static Block at(String timestamp, Block block) {
    return block.timestamp().equals(timestamp) ? block : merged(block, Json.object().put("timestamp", timestamp));
  }

  /** A block with some fields replaced; its id stays. @throws IllegalArgumentException if they do not fit */
  static Block merged(Block block, ObjectNode updates) {
    ObjectNode fields = Json.toTree(block);
    fields.setAll(updates);
    fields.put("id", block.id());
    return Json.to(fields, Block.class);
  }
}

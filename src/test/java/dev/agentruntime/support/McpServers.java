package dev.agentruntime.support;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.agentruntime.protocol.Json;

/** MCP servers for profiles. */
public final class McpServers {

  /** An MCP server over stdio with one tool, in JavaScript. */
  public static final String WORDS = """
      const words = require('fs').readFileSync('words.txt', 'utf8');
      require('readline').createInterface({ input: process.stdin }).on('line', line => {
        const { id, method, params } = JSON.parse(line);
        const results = {
          'initialize': { protocolVersion: params && params.protocolVersion, capabilities: { tools: {} },
            serverInfo: { name: 'own', version: '1' } },
          'tools/list': { tools: [{ name: 'words', description: 'Says its words', inputSchema: { type: 'object' } }] },
          'tools/call': { content: [{ type: 'text', text: words + ' ' + process.env.WORDS_TOKEN }] }
        };
        if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, result: results[method] || {} }));
      });
      """;

  private McpServers() {}

  /** One that comes with its profile: {@code own}, whose tool {@code words} says the words of a file of its and a variable of its. */
  public static ObjectNode bundled(String words, String token) {
    ObjectNode own = Json.object().put("name", "own").put("command", "node");
    own.putArray("args").add("server.js");
    own.putArray("files").add(Json.object().put("path", "server.js").put("content", WORDS))
        .add(Json.object().put("path", "words.txt").put("content", words));
    own.putObject("env").put("WORDS_TOKEN", token);
    return own;
  }
}

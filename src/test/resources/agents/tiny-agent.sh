#!/bin/sh
# The smallest agent there can be: it answers every message with the same few words, in Claude Code's stream-json.
say() {
  printf '%s\n' "$1"
}
number=0
while IFS= read -r line; do
  case $line in
    *'"type":"user"'*) ;;
    *) continue ;;
  esac
  rest=${line#*\"uuid\":\"}
  uuid=${rest%%\"*}
  number=$((number + 1))
  message="msg_$uuid"
  usage='"usage":{"input_tokens":1,"output_tokens":3}'
  tail='"parent_tool_use_id":null,"session_id":"tiny"}'
  event() {
    say "{\"type\":\"stream_event\",\"api_message_id\":\"$message\",\"event\":$1,$tail"
  }
  say '{"type":"system","subtype":"init","model":"tiny","tools":[],"session_id":"tiny"}'
  say "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"-\"},\"uuid\":\"$uuid\",\"isReplay\":true,$tail"
  event "{\"type\":\"message_start\",\"message\":{\"id\":\"$message\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"tiny\",\"content\":[],$usage}}"
  event '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
  for word in 'I ' 'am ' 'tiny.'; do
    event "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"$word\"}}"
  done
  say "{\"type\":\"assistant\",\"message\":{\"id\":\"$message\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"tiny\",\"content\":[{\"type\":\"text\",\"text\":\"I am tiny.\"}],$usage},$tail"
  event '{"type":"content_block_stop","index":0}'
  event "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},$usage}"
  event '{"type":"message_stop"}'
  say "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"num_turns\":$number,\"result\":\"I am tiny.\",\"stop_reason\":\"end_turn\",\"total_cost_usd\":0,$usage,\"modelUsage\":{},\"user_message_uuid\":\"$uuid\",\"user_message_uuids\":[\"$uuid\"],\"session_id\":\"tiny\"}"
done

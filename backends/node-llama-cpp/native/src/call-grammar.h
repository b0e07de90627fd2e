#pragma once

#include <functional>
#include <string>

#include "chat-peg-parser.h"  // llama.cpp's, as the rest
#include "json-schema.h"
#include "message.h"

namespace vserve {

// What the grammars of calls that are not JSON are made of.

using CallBuilder = common_chat_peg_builder;
using CallParser = common_peg_parser;

// A schema as JSON text; without one, an object's.
common_chat_schema_document_ptr document_of(const std::string & schema);

// The object that a schema is of, or refers to; null where it is of another type.
const common_chat_schema_object * object_in(const common_chat_schema & schema);

// The object's required members, then those of the others that the model chooses, in the order of the schema. `is_meant`:
// which of the properties; all without it.
CallParser members_of(CallBuilder & p, const common_chat_schema_object & object, const std::string & separator,
                      const std::function<CallParser(const common_chat_schema_property &)> & member,
                      const std::function<bool(const common_chat_schema_property &)> & is_meant = {});

// What an argument may be where it stands as text; null for any text, or any value of its type.
const ArgumentText * argument_text_of(const Tool & tool, const std::string & argument);

// The text of a grammar in which the calls are the rule `tool-calls`.
std::string calls_grammar(const std::function<CallParser(CallBuilder &)> & calls);

}  // namespace vserve

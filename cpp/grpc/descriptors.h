// What server reflection knows: serialized FileDescriptorProtos (google/protobuf/descriptor.proto)
// and where each symbol is described. Made once, read by any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tfe::grpc {

class Descriptors {
 public:
  // Refers to the bytes, which outlive it. kInvalidArgument for a file that is none, or imports
  // one that is not there.
  static base::Result<Descriptors> index(std::span<const std::string_view> files);

  // The file and all that it imports, itself first; empty if there is none.
  std::vector<std::string_view> with_imports(std::size_t file) const;
  std::optional<std::size_t> file(std::string_view name) const;
  // Full names, without the leading dot: messages, enums and their values, fields, oneofs,
  // services, methods.
  std::optional<std::size_t> file_of(std::string_view symbol) const;
  bool is_message(std::string_view symbol) const { return messages_.contains(symbol); }
  const std::set<std::string, std::less<>>& services() const { return services_; }

 private:
  class Indexer;

  struct File {
    std::string_view bytes;
    std::vector<std::string_view> imports;
  };

  void add_imports(std::size_t file, std::vector<bool>& seen,
                   std::vector<std::string_view>& found) const;

  std::vector<File> files_;
  std::map<std::string_view, std::size_t, std::less<>> by_name_;
  std::map<std::string, std::size_t, std::less<>> by_symbol_;
  std::set<std::string, std::less<>> messages_;
  std::set<std::string, std::less<>> services_;
};

}  // namespace tfe::grpc

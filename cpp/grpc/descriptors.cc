#include "grpc/descriptors.h"

#include <utility>

#include "codec/proto_reader.h"

namespace tfe::grpc {
namespace {

using codec::field_key;
using codec::ProtoReader;
using codec::Wire;

constexpr std::uint32_t bytes_key(std::uint32_t number) { return field_key(number, Wire::kBytes); }

std::string join(std::string_view scope, std::string_view name) {
  if (scope.empty()) return std::string(name);
  return std::string(scope) + "." + std::string(name);
}

// Field 1 of every descriptor message.
std::string_view name_of(base::Bytes message) {
  std::string_view name;
  ProtoReader reader(message);
  while (reader.next()) {
    if (reader.key() == bytes_key(1)) name = reader.text();
  }
  return name;
}

}  // namespace

// Field numbers are those of descriptor.proto.
class Descriptors::Indexer {
 public:
  Indexer(Descriptors& target, std::size_t file) : target_(target), file_(file) {}

  bool file(base::Bytes bytes) {
    std::string_view package;
    for_each(bytes, [&](std::uint32_t key, ProtoReader& reader) {
      if (key == bytes_key(1)) target_.by_name_.emplace(reader.text(), file_);
      if (key == bytes_key(2)) package = reader.text();
      if (key == bytes_key(3)) target_.files_[file_].imports.push_back(reader.text());
    });
    for_each(bytes, [&](std::uint32_t key, ProtoReader& reader) {
      if (key == bytes_key(4)) message(reader.bytes(), package);
      if (key == bytes_key(5)) enumeration(reader.bytes(), package);
      if (key == bytes_key(6)) service(reader.bytes(), package);
    });
    return good_;
  }

 private:
  template <typename Take>
  void for_each(base::Bytes bytes, Take take) {
    ProtoReader reader(bytes);
    while (reader.next()) take(reader.key(), reader);
    good_ = good_ && !reader.failed();
  }

  std::string add(base::Bytes bytes, std::string_view scope) {
    std::string full = join(scope, name_of(bytes));
    target_.by_symbol_.emplace(full, file_);
    return full;
  }

  void message(base::Bytes bytes, std::string_view scope) {
    const std::string full = add(bytes, scope);
    target_.messages_.insert(full);
    for_each(bytes, [&](std::uint32_t key, ProtoReader& reader) {
      if (key == bytes_key(2) || key == bytes_key(8)) add(reader.bytes(), full);  // fields, oneofs
      if (key == bytes_key(3)) message(reader.bytes(), full);
      if (key == bytes_key(4)) enumeration(reader.bytes(), full);
    });
  }

  // Values are named in the scope around their enum.
  void enumeration(base::Bytes bytes, std::string_view scope) {
    add(bytes, scope);
    for_each(bytes, [&](std::uint32_t key, ProtoReader& reader) {
      if (key == bytes_key(2)) add(reader.bytes(), scope);
    });
  }

  void service(base::Bytes bytes, std::string_view scope) {
    const std::string full = add(bytes, scope);
    target_.services_.insert(full);
    for_each(bytes, [&](std::uint32_t key, ProtoReader& reader) {
      if (key == bytes_key(2)) add(reader.bytes(), full);
    });
  }

  Descriptors& target_;
  const std::size_t file_;
  bool good_ = true;
};

base::Result<Descriptors> Descriptors::index(std::span<const std::string_view> files) {
  Descriptors result;
  for (const std::string_view bytes : files) {
    result.files_.push_back({bytes, {}});
    if (!Indexer(result, result.files_.size() - 1).file(base::as_bytes(bytes))) {
      return base::fail(base::Code::kInvalidArgument, "a file descriptor cannot be read");
    }
  }
  for (const File& file : result.files_) {
    for (const std::string_view import : file.imports) {
      if (result.by_name_.contains(import)) continue;
      return base::fail(base::Code::kInvalidArgument,
                        "no file descriptor for the import '" + std::string(import) + "'");
    }
  }
  return result;
}

std::optional<std::size_t> Descriptors::file(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::size_t> Descriptors::file_of(std::string_view symbol) const {
  const auto found = by_symbol_.find(symbol);
  if (found == by_symbol_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string_view> Descriptors::with_imports(std::size_t file) const {
  std::vector<std::string_view> found;
  std::vector<bool> seen(files_.size(), false);
  if (file < files_.size()) add_imports(file, seen, found);
  return found;
}

void Descriptors::add_imports(std::size_t file, std::vector<bool>& seen,
                              std::vector<std::string_view>& found) const {
  if (seen[file]) return;
  seen[file] = true;
  found.push_back(files_[file].bytes);
  for (const std::string_view import : files_[file].imports) {
    add_imports(by_name_.find(import)->second, seen, found);
  }
}

}  // namespace tfe::grpc

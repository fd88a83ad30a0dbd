// DLPack in both directions, without a copy. Meaning and checks of types and devices are in Python.
#include <nanobind/nanobind.h>
#include <nanobind/stl/vector.h>

#include <functional>
#include <utility>

#include "bindings/bind.h"
#include "bindings/dlpack.h"
#include "bindings/errors.h"
#include "bindings/py_ref.h"

namespace nb = nanobind;

namespace tfe::bindings {

namespace {

// What an exported capsule points to: shape and owner live as long as the consumer wants.
template <typename ManagedType>
struct Exported {
  ManagedType managed{};
  std::vector<std::int64_t> shape;
  base::Owner owner;

  // Consumers call it on any thread, with or without the GIL.
  static void free(ManagedType* managed) { delete static_cast<Exported*>(managed->context); }
};

template <typename ManagedType>
void free_unused(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, ManagedType::kName)) return;  // a consumer took it
  auto* managed = static_cast<ManagedType*>(PyCapsule_GetPointer(capsule, ManagedType::kName));
  managed->deleter(managed);
}

template <typename ManagedType>
nb::object make_capsule(const dlpack::Tensor& tensor, std::vector<std::int64_t> shape,
                        nb::handle owner) {
  auto* exported = new Exported<ManagedType>{.shape = std::move(shape), .owner = owner_of(owner)};
  exported->managed.tensor = tensor;
  exported->managed.tensor.shape = exported->shape.data();
  exported->managed.tensor.ndim = static_cast<std::int32_t>(exported->shape.size());
  exported->managed.context = exported;
  exported->managed.deleter = &Exported<ManagedType>::free;
  if constexpr (std::is_same_v<ManagedType, dlpack::ManagedVersioned>) {
    exported->managed.major = 1;
    exported->managed.minor = 0;
    exported->managed.flags = dlpack::kReadOnly;
  }
  PyObject* capsule =
      PyCapsule_New(&exported->managed, ManagedType::kName, free_unused<ManagedType>);
  if (!capsule) {
    delete exported;
    throw nb::python_error();
  }
  return nb::steal(capsule);
}

nb::object export_tensor(std::uintptr_t address, std::vector<std::int64_t> shape, int code,
                         int bits, int device_type, int device_id, bool versioned,
                         nb::handle owner) {
  const dlpack::Tensor tensor{
      .data = reinterpret_cast<void*>(address),
      .device = {device_type, device_id},
      .ndim = 0,
      .dtype = {static_cast<std::uint8_t>(code), static_cast<std::uint8_t>(bits), 1},
      .shape = nullptr,
      .strides = nullptr,
      .byte_offset = 0};
  return versioned ? make_capsule<dlpack::ManagedVersioned>(tensor, std::move(shape), owner)
                   : make_capsule<dlpack::Managed>(tensor, std::move(shape), owner);
}

// A tensor of somebody else, held until this object dies.
class Imported {
 public:
  explicit Imported(nb::handle capsule) {
    if (take<dlpack::ManagedVersioned>(capsule) || take<dlpack::Managed>(capsule)) return;
    fail_argument("__dlpack__() did not return an unused DLPack capsule");
  }
  ~Imported() {
    if (free_) free_();
  }
  Imported(const Imported&) = delete;
  Imported& operator=(const Imported&) = delete;

  const dlpack::Tensor& tensor() const { return *tensor_; }
  std::uintptr_t address() const {
    return reinterpret_cast<std::uintptr_t>(tensor_->data) + tensor_->byte_offset;
  }
  bool contiguous() const {
    if (!tensor_->strides) return true;
    std::int64_t expected = 1;
    for (std::int32_t i = tensor_->ndim; i-- > 0;) {
      if (tensor_->shape[i] == 0) return true;
      if (tensor_->shape[i] != 1 && tensor_->strides[i] != expected) return false;
      expected *= tensor_->shape[i];
    }
    return true;
  }

 private:
  template <typename ManagedType>
  bool take(nb::handle capsule) {
    if (!PyCapsule_IsValid(capsule.ptr(), ManagedType::kName)) return false;
    auto* managed =
        static_cast<ManagedType*>(PyCapsule_GetPointer(capsule.ptr(), ManagedType::kName));
    if constexpr (std::is_same_v<ManagedType, dlpack::ManagedVersioned>) {
      // A newer major version may have another layout; the capsule stays its producer's.
      if (managed->major != 1) fail_argument("the DLPack capsule is of an unknown major version");
    }
    if (PyCapsule_SetName(capsule.ptr(), ManagedType::kUsedName) != 0) throw nb::python_error();
    tensor_ = &managed->tensor;
    free_ = [managed] {
      if (managed->deleter) managed->deleter(managed);
    };
    return true;
  }

  const dlpack::Tensor* tensor_ = nullptr;
  std::function<void()> free_;
};

nb::tuple shape_of(const Imported& self) {
  nb::list shape;
  for (std::int32_t i = 0; i < self.tensor().ndim; ++i) shape.append(self.tensor().shape[i]);
  return nb::tuple(shape);
}

}  // namespace

void bind_dlpack(nb::module_& m) {
  m.def("dlpack_export", export_tensor, nb::arg("address"), nb::arg("shape"), nb::arg("code"),
        nb::arg("bits"), nb::arg("device_type"), nb::arg("device_id"), nb::arg("versioned"),
        nb::arg("owner"), "A capsule over row-major memory that keeps `owner`.");
  nb::class_<Imported>(m, "DlpackTensor", "What a DLPack capsule holds; takes the capsule over.")
      .def(nb::init<nb::handle>(), nb::arg("capsule"))
      .def_prop_ro("address", &Imported::address)
      .def_prop_ro("shape", shape_of, nb::sig("def shape(self) -> tuple[int, ...]"))
      .def_prop_ro("contiguous", &Imported::contiguous)
      .def_prop_ro("code", [](const Imported& self) { return self.tensor().dtype.code; })
      .def_prop_ro("bits", [](const Imported& self) { return self.tensor().dtype.bits; })
      .def_prop_ro("lanes", [](const Imported& self) { return self.tensor().dtype.lanes; })
      .def_prop_ro("device_type", [](const Imported& self) { return self.tensor().device.type; })
      .def_prop_ro("device_id", [](const Imported& self) { return self.tensor().device.id; });
}

}  // namespace tfe::bindings

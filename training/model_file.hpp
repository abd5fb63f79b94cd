#pragma once

// A model as one file, structure and parameters, from which it is rebuilt without its source.
//
//   save_model("digits.model", net);
//   const std::unique_ptr<Module<float>> again = load_model<float>("digits.model");
//   const Array<float> scores = predict(*again, images);         // training/predict.hpp
//
// The file is a safetensors file, which other programs read too; the structure is JSON in its
// metadata. For modules of the library, containers and ensembles of them, and types given to
// register_module; not for losses. With what belongs to the model in the same file:
//
//   save_model("houses.model", net, inputs);                     // a Pipeline
//   ...
//   const auto net = load_model<float>("houses.model");
//   const auto inputs = load_pipeline<float>(read_safetensors("houses.model"));
//
// or, of whatever can be saved:
//
//   Archive file = pack_model(net);
//   scale.save(file, "inputs");                                  // a Preprocessor
//   write_safetensors("digits.model", file);
//   ...
//   const Archive file = read_safetensors("digits.model");
//   const auto scale = load_preprocessor<float>(file, "inputs");
//   const auto net = unpack_model<float>(file.without("inputs"), "digits.model");

#include <map>
#include <memory>
#include <string>

#include "xgrad/data/pipeline.hpp"
#include "xgrad/modules/module.hpp"
#include "xgrad/modules/registry.hpp"
#include "xgrad/serialization/archive.hpp"

namespace xgrad {

/// Writes the file in one step. `text` is kept in the file's metadata.
/// **Throws** std::invalid_argument, before anything is written, when the module could not be
/// rebuilt: a type that is not registered; FileError. Parameters that are shared stay so.
template <class T>
void save_model(const std::string& path, const Module<T>& module,
                const std::map<std::string, std::string>& text = {});

/// What save_model writes. Throws std::invalid_argument as it does.
template <class T>
Archive pack_model(const Module<T>& module, const std::map<std::string, std::string>& text = {});

/// The same with the pipeline that makes the module's inputs, as "preprocessing". Throws
/// std::logic_error also for one that is not fitted.
template <class T>
void save_model(const std::string& path, const Module<T>& module, const Pipeline<T>& inputs,
                const std::map<std::string, std::string>& text = {});
template <class T>
Archive pack_model(const Module<T>& module, const Pipeline<T>& inputs,
                   const std::map<std::string, std::string>& text = {});

/// The module, in evaluation mode, with parameters and buffers, float or double as asked for; to
/// train it further call train(). The default generator is left as it is. A pipeline in the file is
/// passed over: load_pipeline reads it.
/// **Throws** FileError for a file that is damaged, has no structure, or whose structure is not
/// that of its tensors: nothing is allocated on the structure's word beyond the tensors there are.
template <class T>
std::unique_ptr<Module<T>> load_model(const std::string& path);

/// The same of an archive; `path` stands for the file in messages.
template <class T>
std::unique_ptr<Module<T>> unpack_model(const Archive& archive, const std::string& path);

/// A description as JSON: {"type": "Linear", "options": [["in", 3], ...], "children": [...]}.
std::string to_json(const ModuleDescription& description);
/// Throws std::invalid_argument for other text, and for more than 64 levels.
ModuleDescription description_from_json(const std::string& text);

namespace detail {

/// How many numbers, parameters and buffers, such a module holds, or less: a module of a user
/// counts as the largest of its children, since they may share. Throws std::invalid_argument for
/// sizes that are missing or no sizes.
double numbers_of(const ModuleDescription& description);

}  // namespace detail

}  // namespace xgrad

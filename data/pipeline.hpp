#pragma once

// Pipeline: from a table to what a model takes, as one thing that is fitted, applied and saved:
// columns chosen by name, categories as columns of 0 and 1 or as codes, then preprocessors.
//
//   Pipeline<float> inputs({.columns = {"rooms", "income", "near"}});
//   inputs.add(Impute<float>(), {"rooms"}).add(Standardize<float>(), {"rooms", "income"});
//   inputs.fit(train);                              // Tables, as read_csv gives them
//   const Array<float> x = inputs.transform(train), t = inputs.transform(test);
//   save_model("houses.model", net, inputs);
//   ...
//   const auto net = load_model<float>("houses.model");
//   const auto inputs = load_pipeline<float>(read_safetensors("houses.model"));
//   predict(*net, inputs.transform(read_csv("new.csv")));
//
// It knows columns by name and categories by their text: a table at prediction may have its columns
// in another order, further ones, and fewer categories, which read alone get other codes. What does
// not fit is an error that names the column and the category, never another meaning.

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "xgrad/data/preprocessor.hpp"
#include "xgrad/data/table.hpp"

namespace xgrad {

/// What becomes of a column of categories.
enum class Encoding {
  one_hot,  ///< a column of 0 and 1 for each category, `column=category`, as Table::one_hot
  codes,    ///< its codes, in the order of the categories fitted: for Embedding
};

/// What becomes of a category that was not fitted.
enum class Unknown {
  error,    ///< std::invalid_argument that names it
  missing,  ///< as a missing value: zeros, or NaN among codes, for Impute
};

struct PipelineOptions {
  std::vector<std::string> columns = {};  ///< of the table, in this order; empty: all
  Encoding encoding = Encoding::one_hot;  ///< of categories
  Unknown unknown =
      Unknown::error;  ///< what becomes of a category that was not seen when it was fitted
};

template <class T>
class Pipeline {
 public:
  /// Without steps: columns are chosen and added below.
  explicit Pipeline(PipelineOptions options = {}) : options_(std::move(options)) {}

  /// A step, applied after those before to the columns of these names, all by default. The name of
  /// a column of categories stands for all that it became. Columns keep their places and names; Pca
  /// puts its components, "Pca 0", "Pca 1" and so on, in the place of the first.
  /// Throws std::invalid_argument for no step, std::logic_error when fit() was called.
  Pipeline& add(std::unique_ptr<Preprocessor<T>> step, std::vector<std::string> columns = {});
  template <std::derived_from<Preprocessor<T>> Step>
  Pipeline& add(Step step, std::vector<std::string> columns = {}) {
    return add(std::make_unique<Step>(std::move(step)), std::move(columns));
  }

  /// Takes columns and categories from a table and fits each step on what those before make of it.
  /// `name` is that of Preprocessor::fit. Throws std::invalid_argument for a table without rows, a
  /// column that there is not, and what a step refuses; it is then not fitted.
  void fit(const Table& table, const std::string& name = "train");
  /// The same for numbers (n, columns), whose columns are named "0", "1" and so on.
  void fit(const Array<T>& x, const std::string& name = "train");
  bool is_fitted() const { return !inputs_.empty(); }

  /// (n, columns). Throws std::logic_error when nothing was fitted; std::invalid_argument, naming
  /// column, row and category, for a column that is missing or holds categories where numbers were
  /// fitted or the other way round, for an unknown category unless they are let pass, and for a
  /// result that is not finite, as of a missing value that no Impute filled in.
  Array<T> transform(const Table& table) const;
  Array<T> transform(const Array<T>& x) const;

  /// Of the columns that transform() gives.
  const std::vector<std::string>& names() const { return names_; }
  /// Of the columns it takes, with their categories.
  std::vector<std::string> inputs() const;
  Categories categories() const;

  std::size_t size() const { return steps_.size(); }
  const Preprocessor<T>& operator[](std::size_t i) const { return *steps_.at(i).preprocessor; }

  /// Adds all of it as arrays `prefix`/... Throws std::logic_error when nothing was fitted.
  void save(Archive& archive, const std::string& prefix = "preprocessing") const;

 private:
  template <class U>
  friend Pipeline<U> load_pipeline(const Archive&, const std::string&);

  struct Input {
    std::string name;
    std::vector<std::string> categories;
  };
  struct Step {
    std::unique_ptr<Preprocessor<T>> preprocessor;
    std::vector<std::string> chosen;
    std::vector<std::size_t> columns;  // of what comes into the step
  };
  // Columns on their way: where each came from, its name, and the numbers (n, columns).
  struct Frame {
    std::vector<std::string> sources, names;
    Array<T> x;
  };

  Frame encode(const Table& table) const;
  Frame encode(const Array<T>& x) const;
  void encode_column(const Input& input, const Table& table, Frame& frame) const;
  void fit_steps(Frame frame, const std::string& name);
  Array<T> finish(Frame frame) const;
  void apply(std::size_t step, Frame& frame) const;
  std::string layout() const;
  void set_layout(const std::string& text);
  void restore(const Archive& archive, const std::string& prefix);

  PipelineOptions options_;
  std::vector<Input> inputs_;
  bool of_arrays_ = false;
  std::vector<Step> steps_;
  std::vector<std::string> names_;
};

/// What save() added under this prefix. Throws FileError when it is not there or does not
/// fit together.
template <class T>
Pipeline<T> load_pipeline(const Archive& archive, const std::string& prefix = "preprocessing");

}  // namespace xgrad

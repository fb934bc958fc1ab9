#ifndef XLOSS_TENSOR_ERROR_HPP
#define XLOSS_TENSOR_ERROR_HPP

#include <xloss/config.hpp>

#include <stdexcept>
#include <string>

namespace xloss {

/// What every run-time misuse of the library throws: catch this one to catch them all.
class error : public std::invalid_argument {
public:
    /// The message names the losses, the shapes or the index.
    explicit error(const std::string& message) : std::invalid_argument(message) {}
};

/// Shapes that do not fit each other, or a tensor of the wrong rank.
class shape_error : public error {
public:
    using error::error;
};

/// A label outside [0, classes) that is not the ignored one.
class label_error : public error {
public:
    using error::error;
};

/// A soft target, probability or weight outside its range.
class target_error : public error {
public:
    using error::error;
};

/// A parameter of a loss or of a call outside its domain.
class parameter_error : public error {
public:
    using error::error;
};

/// A logit that is NaN or infinite, where the caller asked for a check.
class finite_error : public error {
public:
    using error::error;
};

/// Output that shares memory with an input, or with itself.
class alias_error : public error {
public:
    using error::error;
};

namespace tensor {

/// Throws what is being handled once more, of the same type, with where it happened before its message.
[[noreturn]] XLOSS_COLD inline void rethrow_from(const std::string& where) {
    const auto text = [&](const error& e) { return where + ": " + e.what(); };
    try {
        throw;
    } catch (const shape_error& e) {
        throw shape_error(text(e));
    } catch (const label_error& e) {
        throw label_error(text(e));
    } catch (const target_error& e) {
        throw target_error(text(e));
    } catch (const parameter_error& e) {
        throw parameter_error(text(e));
    } catch (const finite_error& e) {
        throw finite_error(text(e));
    } catch (const alias_error& e) {
        throw alias_error(text(e));
    } catch (const error& e) {
        throw error(text(e));
    }
}

} // namespace tensor
} // namespace xloss

#endif

#ifndef XLOSS_TENSOR_MESSAGE_HPP
#define XLOSS_TENSOR_MESSAGE_HPP

#include <xloss/config.hpp>
#include <xloss/tensor/shape.hpp>

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace xloss::tensor {

/// A piece of a message: text, a number, a shape or a function that makes text. It refers to what it is made
/// of and is put into words only when there is an error, so that a check costs the code around it a few
/// stores and not a chain of strings to join and to destroy.
class piece {
public:
    piece(const char* text) noexcept : kind_(kind::literal) { data_.literal = text; }
    piece(const std::string& text) noexcept : kind_(kind::text) { data_.text = &text; }
    piece(const std::string_view& text) noexcept : kind_(kind::view) { data_.view = &text; }
    piece(const tensor::shape& s) noexcept : kind_(kind::shape) { data_.box = &s; }
    piece(std::string (*make)()) noexcept : kind_(kind::made) { data_.make = make; }
    piece(double v) noexcept : kind_(kind::number) { data_.number = v; }
    piece(std::unsigned_integral auto n) noexcept : kind_(kind::count) { data_.count = n; }
    piece(std::signed_integral auto n) noexcept : kind_(kind::whole) { data_.whole = n; }

    XLOSS_COLD void append_to(std::string& to) const {
        switch (kind_) {
        case kind::literal:
            to += data_.literal;
            break;
        case kind::text:
            to += *data_.text;
            break;
        case kind::view:
            to += *data_.view;
            break;
        case kind::shape:
            to += data_.box->to_string();
            break;
        case kind::made:
            to += data_.make();
            break;
        case kind::number:
            to += std::to_string(data_.number);
            break;
        case kind::count:
            to += std::to_string(data_.count);
            break;
        case kind::whole:
            to += std::to_string(data_.whole);
            break;
        }
    }

private:
    enum class kind : std::size_t { literal, text, view, shape, made, number, count, whole };

    union data {
        const char* literal;
        const std::string* text;
        const std::string_view* view;
        const tensor::shape* box;
        std::string (*make)();
        double number;
        unsigned long long count;
        long long whole;
    };

    kind kind_;
    data data_;
};

/// The pieces as one text.
XLOSS_COLD inline std::string text_of(std::initializer_list<piece> pieces) {
    std::string text;
    for (const piece& p : pieces)
        p.append_to(text);
    return text;
}

/// Throws an error with the pieces as its message.
template <class Error>
[[noreturn]] XLOSS_COLD void raise(std::initializer_list<piece> pieces) {
    throw Error(text_of(pieces));
}

} // namespace xloss::tensor

#endif

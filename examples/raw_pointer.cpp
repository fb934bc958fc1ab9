// Tensors of another framework: raw pointers with a shape and strides, read and written where they are.
#include <array>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <vector>

#include <xloss/xloss.hpp>

int main() {
    // What another framework holds: scores with the classes last in memory, labels, and room for a gradient.
    constexpr std::size_t batch = 1, classes = 3, height = 2, width = 3;
    const std::vector<float> scores_of_theirs{1.0F, 0.0F,  -1.0F, 0.0F, 2.0F, 0.5F,  // [B, H, W, C]
                                              2.0F, -1.0F, 0.0F,  0.5F, 1.0F, -2.0F, //
                                              0.0F, 0.0F,  1.0F,  3.0F, 1.0F, 2.0F};
    const std::vector<std::uint8_t> labels_of_theirs{0, 1, 255, 1, 2, 0}; // [B, H, W]
    std::vector<float> gradient_of_theirs(scores_of_theirs.size());

    const float* scores_pointer = scores_of_theirs.data();
    const std::uint8_t* labels_pointer = labels_of_theirs.data();
    float* gradient_pointer = gradient_of_theirs.data();

    // xloss wants the classes on axis 1. Strides say where they are, so that nothing has to move.
    const std::array<std::size_t, 4> shape{batch, classes, height, width};
    const std::array<std::ptrdiff_t, 4> strides{height * width * classes, 1, width * classes,
                                                classes}; // to the next sample, class, row, pixel
    const std::size_t size = batch * classes * height * width;
    const auto scores = xt::adapt(scores_pointer, size, xt::no_ownership(), shape, strides);
    auto gradient = xt::adapt(gradient_pointer, size, xt::no_ownership(), shape, strides);

    const std::array<std::size_t, 3> map_shape{batch, height, width};
    const auto labels = xt::adapt(labels_pointer, batch * height * width, xt::no_ownership(), map_shape);

    const auto loss = xloss::multiclass(xloss::cross_entropy{} + xloss::dice{}, {.ignore_index = 255});
    const auto result = xloss::value_and_grad_into(gradient, loss, scores, labels);

    std::cout.precision(4);
    std::cout << "value " << result.value << " over " << result.valid << " pixels\ngradient in their memory";
    for (float g : gradient_of_theirs)
        std::cout << ' ' << g;

    // The same, bit for bit, from a copy with the classes first.
    const xt::xtensor<float, 4> copied = scores;
    const bool same = xloss::value_and_grad(loss, copied, labels).grad == gradient;
    std::cout << "\nas from a copy: " << (same ? "yes" : "no") << '\n';
    return same ? 0 : 1;
}

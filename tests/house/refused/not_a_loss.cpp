// error: xloss: this is not a loss. A loss has at(pixel)
#include <xloss/xloss.hpp>

struct misspelt {
    template <class V>
    xloss::point<V> on(const xloss::pixel<V>& s) const {
        return {s.p, s.q};
    }
};

auto refused(const xt::xtensor<float, 2>& x) {
    return xloss::value(misspelt{}, x, x);
}

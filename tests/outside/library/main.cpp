// SPDX-License-Identifier: Apache-2.0
//
// The public header as C++17. C's compound literals are not C++: shapes and attributes are named variables here.
#include <cstdint>

#include <tenon.h>

int main()
{
    tn_context *tn = tn_open("reference");
    const std::int64_t dims[] = {2, 3};
    tn_tensor *x = tn_ones(tn, TN_F32, 2, dims);
    const double sum = tn_item(tn_sum(tn_add(x, x), TN_ALL, false));
    return tn_close(tn) == 0 && sum == 12 ? 0 : 1;
}

use super::super::activation::Activation;
use super::super::convolution::Precision;
use super::*;
use crate::ops::samples::{TOLERANCE, convolution, growing, halved, largest_difference, pointwise, randn};
use candle_core::{DType, Device};
use proptest::prelude::*;

fn plain(
    x: &Tensor,
    convolutions: &[Convolution],
    pool: bool,
    residual: bool,
    base: Option<&Tensor>,
) -> Result<Tensor> {
    Plain::new(convolutions.to_vec(), pool, residual)?.forward(x, base)
}

fn precisions() -> impl Strategy<Value = Precision> {
    prop::sample::select(vec![Precision::Single, Precision::Half, Precision::Byte])
}

/// The same products of quantized factors.
fn with(precision: Precision, mut convolutions: Vec<Convolution>) -> Vec<Convolution> {
    for convolution in &mut convolutions {
        convolution.precision = precision;
    }
    convolutions
}

/// How far a value of about one may be from that of `f32` after two products. What is added or read at a wrong place is off by about
/// one.
fn allowed(precision: Precision) -> f32 {
    match precision {
        Precision::Single => TOLERANCE,
        Precision::Half => 0.1,
        Precision::Byte => 0.3,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_convolution_and_one_after_it_equal_candles(
        n in 1usize..3, channels in 1usize..20, between in 1usize..70, columns in 1usize..40, h in 1usize..20, w in 1usize..20,
        side in 1usize..4, stride in 1usize..3, activation in 0usize..36, precision in precisions(),
    ) {
        let x = randn((n, h, w, channels))?;
        let convolutions = vec![
            convolution((between, channels, side, side), false, (stride, stride), activation)?,
            pointwise(between, columns, activation / 6)?,
        ];
        let expected = plain(&x, &convolutions, false, false, None)?;
        let got = Layer::new(with(precision, convolutions))?.forward(&x)?;
        prop_assert!(largest_difference(&got, &expected)? < allowed(precision));
    }

    #[test]
    fn a_depthwise_convolution_and_two_after_it_equal_candles(
        n in 1usize..3, blocks in 1usize..4, between in 1usize..70, h in 1usize..20, w in 1usize..20,
        size in prop::sample::select(vec![(3, 3), (7, 7), (1, 7)]), stride in prop::sample::select(vec![(1, 1), (2, 2), (2, 1)]),
        residual in any::<bool>(), activation in 0usize..216, precision in precisions(),
    ) {
        let channels = 16 * blocks;
        let stride = if size.1 == 3 { stride } else { (1, 1) };
        let x = randn((n, h, w, channels))?;
        let convolutions = vec![
            convolution((channels, 1, size.0, size.1), true, stride, activation)?,
            pointwise(channels, between, activation / 6)?,
            pointwise(between, channels, activation / 36)?,
        ];
        let expected = plain(&x, &convolutions, false, residual, None)?;
        let convolutions = with(precision, convolutions);
        let layer = if residual { Layer::residual(convolutions)? } else { Layer::new(convolutions)? };
        prop_assert!(largest_difference(&layer.forward(&x)?, &expected)? < allowed(precision));
    }

    #[test]
    fn a_pooled_depthwise_convolution_equals_candles(
        n in 1usize..3, blocks in 1usize..4, h in 2usize..20, w in 2usize..20, activation in 0usize..3, mix in any::<bool>(),
    ) {
        let channels = 16 * blocks;
        let x = randn((n, h, w, channels))?;
        let mut convolutions = vec![growing(convolution((channels, 1, 3, 3), true, (1, 1), activation)?)?];
        if mix {
            convolutions.push(pointwise(channels, 30, activation)?);
        }
        let expected = plain(&x, &convolutions, true, false, None)?;
        let got = Layer::pooled(convolutions)?.forward(&x)?;
        prop_assert!(largest_difference(&got, &expected)? < TOLERANCE);
    }

    #[test]
    fn factors_count_before_the_residual(
        n in 1usize..3, channels in 1usize..40, h in 1usize..12, w in 1usize..12, precision in precisions(),
    ) {
        let (x, factors) = (randn((n, h, w, channels))?, randn((n, channels))?);
        let convolutions = vec![pointwise(channels, 2 * channels, 3)?, pointwise(2 * channels, channels, 0)?];
        let scaled = x.broadcast_mul(&factors.reshape((n, 1, 1, channels))?)?;
        let expected = plain(&scaled, &convolutions, false, false, None)?;
        let got = Layer::new(with(precision, convolutions))?.forward_scaled(&x, &factors)?;
        prop_assert!(largest_difference(&got, &expected)? < allowed(precision));
    }
}

#[test]
fn a_base_counts_before_the_activation() -> Result<()> {
    let half = Precision::Half;
    for (columns, last, precision) in [
        (70, false, half),
        (5, false, Precision::Single),
        (24, true, Precision::Single),
        (48, false, Precision::Single),
        (70, true, Precision::Single),
        (64, false, half),
    ] {
        let side = if precision == half { 1 } else { 3 };
        let x = halved(&randn((2, 7, 9, 16))?)?;
        let base = randn((
            2,
            7usize.div_ceil(side - side / 2),
            9usize.div_ceil(side - side / 2),
            columns,
        ))?;
        let stride = side - side / 2;
        let mut first = convolution((columns, 16, side, side), false, (stride, stride), 1)?;
        (first.kernel, first.precision) = (halved(&first.kernel)?, precision);
        let mut convolutions = vec![first];
        if last {
            convolutions.push(pointwise(columns, 33, 3)?);
        }
        let expected = plain(&x, &convolutions, false, false, Some(&base))?;
        let got = Layer::new(convolutions)?.consume_add(x, base)?;
        assert!(largest_difference(&got, &expected)? < TOLERANCE);
    }
    Ok(())
}

/// Rows and columns of odd numbers, more rows than a tile and fewer, and values that do not fill the last vector.
const SHAPES: [(usize, usize, usize); 8] = [
    (1, 16, 32),
    (11, 32, 64),
    (30, 1024, 128),
    (25, 48, 96),
    (7, 24, 40),
    (13, 120, 7),
    (3, 5, 50),
    (26, 1, 16),
];

#[test]
fn halves_are_multiplied_as_candle_rounds_them() -> Result<()> {
    for (pixels, channels, columns) in SHAPES {
        let x = halved(&randn((1, 1, pixels, channels))?)?;
        for activation in 0..6 {
            let mut mix = pointwise(channels, columns, activation)?;
            mix.kernel = halved(&mix.kernel)?;
            mix.precision = Precision::Half;
            let expected = plain(&x, &[mix.clone()], false, false, None)?;
            let got = Layer::new(vec![mix])?.forward(&x)?;
            assert!(largest_difference(&got, &expected)? < TOLERANCE);
        }
    }
    Ok(())
}

/// What is left of each row of a matrix in whole numbers of 8 bits: 127 is the row's largest value.
fn stepped(x: &Tensor) -> Result<Tensor> {
    let step = (x.abs()?.max_keepdim(1)? / 127.0)?;
    x.broadcast_div(&step)?.round()?.broadcast_mul(&step)
}

#[test]
fn bytes_are_multiplied_as_candle_rounds_them() -> Result<()> {
    for (pixels, channels, columns) in SHAPES {
        let mut x = stepped(&randn((pixels, channels))?)?;
        if pixels > 1 {
            // A pixel without any value has no largest one.
            x = Tensor::cat(&[&x.narrow(0, 1, pixels - 1)?, &x.narrow(0, 0, 1)?.zeros_like()?], 0)?;
        }
        let x = x.reshape((1, 1, pixels, channels))?;
        for activation in 0..6 {
            let mut mix = pointwise(channels, columns, activation)?;
            let kernel = stepped(&mix.kernel.reshape((columns, channels))?)?;
            mix.kernel = kernel.reshape((columns, channels, 1, 1))?;
            mix.precision = Precision::Byte;
            let expected = plain(&x, &[mix.clone()], false, false, None)?;
            let got = Layer::new(vec![mix])?.forward(&x)?;
            let difference = largest_difference(&got, &expected)?;
            assert!(difference < 2e-2, "{pixels} {channels} {columns} {difference}");
            assert!(quantized_is_missing() || difference < TOLERANCE);
        }
    }
    Ok(())
}

/// Whether this machine multiplies bytes with something wider, to which what was rounded to bytes is not exact.
fn quantized_is_missing() -> bool {
    !crate::ops::instruction_set().contains("VNNI")
}

#[test]
fn the_cache_padding_between_rows_is_not_seen() -> Result<()> {
    let x = randn((1, 3, 5, 512))?;
    let convolutions = vec![
        convolution((512, 1, 3, 3), true, (1, 1), 2)?,
        pointwise(512, 512, 1)?,
        pointwise(512, 512, 0)?,
    ];
    let expected = plain(&x, &convolutions, false, true, None)?;
    for precision in [Precision::Single, Precision::Half, Precision::Byte] {
        let got = Layer::residual(with(precision, convolutions.clone()))?.forward(&x)?;
        assert!(largest_difference(&got, &expected)? < allowed(precision));
    }
    Ok(())
}

#[test]
fn refuses_what_does_not_fit() -> Result<()> {
    let depthwise = |channels| convolution((channels, 1, 3, 3), true, (1, 1), 0);
    assert!(Layer::new(vec![]).is_err());
    assert!(Layer::new(vec![depthwise(8)?]).is_err(), "not whole vectors");
    for size in [(5, 5), (2, 3), (9, 3)] {
        let odd = convolution((16, 1, size.0, size.1), true, (1, 1), 0)?;
        assert!(Layer::new(vec![odd]).is_err(), "no such kernel");
    }
    assert!(
        Layer::new(vec![pointwise(4, 16, 0)?, depthwise(16)?]).is_err(),
        "depthwise comes first"
    );
    assert!(Layer::new(vec![depthwise(16)?, pointwise(32, 4, 0)?]).is_err());
    assert!(Layer::residual(vec![depthwise(16)?, pointwise(16, 4, 0)?]).is_err());
    assert!(Layer::residual(vec![depthwise(16)?]).is_err(), "nothing to be added");
    assert!(Layer::pooled(vec![pointwise(16, 4, 0)?]).is_err());
    let stepping = convolution((16, 1, 3, 3), true, (2, 2), 0)?;
    assert!(Layer::pooled(vec![stepping]).is_err(), "pooled after steps");
    let short = Convolution {
        bias: randn(15)?,
        ..depthwise(16)?
    };
    assert!(Layer::new(vec![short]).is_err(), "a bias is missing");
    let curved = convolution((16, 1, 3, 3), true, (1, 1), 3)?;
    assert!(Layer::pooled(vec![curved]).is_err(), "gelu of a maximum");
    let falling = Activation::PRelu(Tensor::full(-0.1f32, 16, &Device::Cpu)?);
    let falling = Convolution {
        activation: falling,
        ..depthwise(16)?
    };
    assert!(Layer::pooled(vec![falling]).is_err(), "a slope that falls");
    let three = pointwise(8, 8, 0)?;
    assert!(Layer::new(vec![depthwise(16)?, pointwise(16, 8, 0)?, three.clone(), three]).is_err());

    let layer = Layer::new(vec![depthwise(16)?])?;
    let zeros = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu);
    assert!(layer.forward(&zeros(&[1, 5, 5, 32])?).is_err());
    assert!(
        layer
            .forward_scaled(&zeros(&[1, 5, 5, 16])?, &zeros(&[1, 16])?)
            .is_err()
    );
    let layer = Layer::new(vec![pointwise(16, 4, 0)?])?;
    assert!(
        layer
            .forward_scaled(&zeros(&[2, 5, 5, 16])?, &zeros(&[1, 16])?)
            .is_err()
    );
    assert!(
        layer
            .consume_add(zeros(&[1, 5, 5, 16])?, zeros(&[1, 5, 5, 5])?)
            .is_err()
    );
    assert_eq!(layer.forward(&zeros(&[2, 0, 5, 16])?)?.dims(), [2, 0, 5, 4]);
    Ok(())
}
